"""The one maker of identifiers."""

import hashlib
import secrets
from base64 import b32encode

from lib.core import clock

_RANDOM_BYTES = 10
_STABLE_BYTES = 15


def new(prefix: str) -> str:
    """A fresh identifier such as `run_06dq…`: milliseconds since the epoch, then 80 random bits; sorts by age."""
    milliseconds = int(clock.timestamp() * 1000)
    return f"{prefix}_{_text(milliseconds.to_bytes(6, 'big') + secrets.token_bytes(_RANDOM_BYTES))}"


def stable(prefix: str, *parts: str) -> str:
    """The same identifier for the same parts, always; 120 bits, so that no two things meet in one."""
    joined = "\x1f".join(parts)
    return f"{prefix}_{_text(hashlib.sha256(joined.encode()).digest()[:_STABLE_BYTES])}"


def _text(data: bytes) -> str:
    """Base32hex without padding, lower case: its order is the order of the bytes (RFC 4648, section 7)."""
    alphabet = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghijklmnopqrstuv")
    return b32encode(data).decode().rstrip("=").translate(alphabet)
