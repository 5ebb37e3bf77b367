"""Deterministic text vectors: a hashed bag of words and of their beginnings, of unit length."""

import base64
import hashlib
import math
import re
import struct
import unicodedata
from collections import Counter

DEFAULT_DIMENSIONS = 256
BEGINNING = 5
BEGINNING_WEIGHT = 0.5


def embed(text: str, dimensions: int = DEFAULT_DIMENSIONS) -> list[float]:
    """The text's vector; texts that share words are near, letter case and accents do not count."""
    vector = [0.0] * dimensions
    for feature, weight in _features(text).items():
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        sign = 1.0 if digest[7] & 1 else -1.0
        vector[int.from_bytes(digest[:6], "big") % dimensions] += sign * weight
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0:
        # Words may cancel out, or there are none; a unit vector is still owed.
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in vector]


def encoded(vector: list[float]) -> str:
    """Little-endian float32 in base64, as OpenAI's SDK asks for by default.

    Source: https://platform.openai.com/docs/api-reference/embeddings/create
    """
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def _features(text: str) -> dict[str, float]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = re.findall(r"\w+", "".join(sign for sign in plain if not unicodedata.combining(sign)))
    features: dict[str, float] = {}
    for word, times in Counter(words).items():
        features[word] = 1 + math.log(times)
    for beginning, times in Counter(word[:BEGINNING] for word in words if len(word) > BEGINNING).items():
        features[f"{beginning}-"] = BEGINNING_WEIGHT * (1 + math.log(times))
    return features
