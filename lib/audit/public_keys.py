"""The public halves of the keys that heads are signed with: from Cloud KMS, and of our own key only."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from lib.core import signatures
from lib.core.settings import load
from lib.core.signature_settings import SignatureSettings
from lib.core.store import NotFound


@cache
def pem(key_version: str) -> str | None:
    """A version of the key that signs, in PEM; None for what is no version of it.

    Raises `Unavailable` and Google's API errors.
    """
    key, _, _ = load(SignatureSettings).attestation_key.rpartition("/")
    if key_version.rpartition("/")[0] != key:
        return None
    try:
        return signatures.public_key(key_version).pem
    except NotFound:
        return None


def of(heads: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The keys that these heads name, by the names of their versions, as far as they are ours."""
    signed = (head.get("signature") for head in heads)
    names = {str(signature.get("key_version")) for signature in signed if isinstance(signature, dict)}
    found = {name: pem(name) for name in sorted(names)}
    return {name: text for name, text in found.items() if text is not None}
