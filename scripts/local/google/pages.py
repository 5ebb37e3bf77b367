"""Page tokens that belong to one query and resume after an item, so that nothing is repeated when data changes."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next page begins: after the item with this key; `page` counts from 0, `version` is the data's."""

    after: Any
    page: int
    version: int


class InvalidToken(Exception):
    """The token is none of ours, or is of another query."""


def fingerprint(*parts: Any) -> str:
    """A short name for a query."""
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def write(query: str, position: Position) -> str:
    """The token of a position in a query."""
    packed = orjson.dumps([query, position.after, position.page, position.version])
    return urlsafe_b64encode(packed).decode().rstrip("=")


def read(query: str, token: str) -> Position:
    """The position of a token; InvalidToken unless it was given out for this query."""
    try:
        packed = orjson.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        named, after, page, version = packed
    except (ValueError, TypeError):
        raise InvalidToken(token) from None
    if named != query:
        raise InvalidToken(token)
    return Position(after, page, version)
