"""Graph's ids: opaque, case-sensitive, of base64's URL alphabet.

A message, an event or an attachment has two: the immutable one for requests with `Prefer: IdType="ImmutableId"`, and
the ordinary one, which is another after each move. Containers have one that lasts.
Source: https://learn.microsoft.com/graph/outlook-immutable-id
"""

import hashlib
import re
from base64 import b64encode, urlsafe_b64encode

_IMMUTABLE = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
_ORDINARY = "AAMkADAwATM0MDAAMS0"
_CONTAINER = "AQMkADAwATM0MDAAMi0"
_CONVERSATION = "AAQkADAwATM0MDAAMy0"
_FORM = re.compile(r"[A-Za-z0-9_-]{60,}={0,2}")


def immutable_id(owner: str, kind: str, key: str) -> str:
    """The id that lasts as long as the item stays in the owner's mailbox."""
    return f"{_IMMUTABLE}{_digest(owner, kind, key)}AAA="


def ordinary_id(owner: str, kind: str, key: str, place: str) -> str:
    """The id of an item at its present place."""
    return f"{_ORDINARY}{_digest(owner, kind, key)}{_digest(owner, kind, key, place)[:22]}AAA="


def container_id(owner: str, kind: str, key: str) -> str:
    """The id of a folder or a calendar."""
    return f"{_CONTAINER}{_digest(owner, kind, key)}AAAA"


def conversation_id(owner: str, key: str) -> str:
    """The id of a conversation."""
    return f"{_CONVERSATION}{_digest(owner, 'conversation', key)}="


def is_id(value: str, immutable: bool) -> bool:
    """Whether the value can be an item's id of the kind asked for."""
    return bool(_FORM.fullmatch(value)) and value.startswith(_IMMUTABLE if immutable else _ORDINARY)


def is_container_id(value: str) -> bool:
    """Whether the value can be a folder's or a calendar's id."""
    return bool(_FORM.fullmatch(value)) and value.startswith(_CONTAINER)


def change_key(owner: str, key: str, version: int) -> str:
    """Names one version of an item."""
    return "CQAAABYAAAC" + b64encode(_hash(owner, key, str(version))[:18]).decode()


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _digest(*parts: str) -> str:
    return urlsafe_b64encode(_hash(*parts)).decode().rstrip("=")
