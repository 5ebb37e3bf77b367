"""How a client proves itself and its verifier at a token endpoint, whoever's it is."""

import base64
import binascii
import hashlib
import secrets
from urllib.parse import unquote_plus

from scripts.local.provider.wire import Call


class MalformedCredentials(Exception):
    """The Authorization header says Basic, but holds no name and secret."""


def presented_client(call: Call, form: dict[str, str]) -> tuple[str | None, str | None]:
    """Client id and secret from the Basic header (RFC 6749, section 2.3.1) or else from the body.

    Raises `MalformedCredentials`.
    """
    scheme, _, encoded = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id"), form.get("client_secret")
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise MalformedCredentials from None
    return unquote_plus(name), unquote_plus(secret)


def verifies(verifier: str | None, challenge: str, method: str) -> bool:
    """Whether the verifier belongs to the challenge (RFC 7636, section 4.6)."""
    if verifier and method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return secrets.compare_digest((verifier or "").encode(), challenge.encode())
