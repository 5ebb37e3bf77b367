"""Cursors of lists: opaque to the caller, bound to the person and the list, and not to be forged."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from lib.core import secrets
from lib.core.errors import InvalidCursor
from lib.core.store import UserId

SECRET = "cursor-key"
MAXIMUM_CHARACTERS = 8192
_VERSION = b"\x01"
_TAG_BYTES = 16


def encode(person: UserId, listing: str, position: dict[str, Any]) -> str:
    """A cursor for the position in a person's listing, which names the list and its filters."""
    payload = _VERSION + json.dumps(position, separators=(",", ":")).encode()
    return _text(_tag(person, listing, payload) + payload)


def decode(person: UserId, listing: str, cursor: str) -> dict[str, Any]:
    """The position. Raises `InvalidCursor` for one that was not made for this person and this listing."""
    if len(cursor) > MAXIMUM_CHARACTERS:
        raise InvalidCursor()
    try:
        data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise InvalidCursor() from None
    tag, payload = data[:_TAG_BYTES], data[_TAG_BYTES:]
    # The decoder passes over what is not base64, so that many texts would do for the one that was handed out.
    if _text(data) != cursor or payload[:1] != _VERSION or not hmac.compare_digest(tag, _tag(person, listing, payload)):
        raise InvalidCursor()
    position: dict[str, Any] = json.loads(payload[1:])
    return position


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _tag(person: UserId, listing: str, payload: bytes) -> bytes:
    key = secrets.read(SECRET).reveal().encode()
    bound = f"{person}\x1f{listing}\x1f".encode() + payload
    return hmac.new(key, bound, hashlib.sha256).digest()[:_TAG_BYTES]
