"""Pages of a list, and the @odata.nextLink that leads from one to the next and is to be used as it is.

Outlook counts items in $skip, so that what changes between two pages shifts those that follow; searches carry a
$skiptoken. Pages may hold less than asked, even nothing, and still have a next one.
Source: https://learn.microsoft.com/graph/paging
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote

import orjson

from scripts.local.microsoft.graph.errors import bad_request
from scripts.local.microsoft.graph.query_options import Options
from scripts.local.provider.wire import Call

Item = TypeVar("Item")
_TOKEN_PREFIX = "MSZ"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and where the next ones are, if there are any."""

    items: Sequence[Item]
    next_link: str | None


@dataclass(frozen=True, slots=True)
class _Position:
    start: int
    number: int


def page_of(items: Sequence[Item], call: Call, options: Options, origin: str, short: bool) -> Page[Item]:
    """The page that a call asks for; `short` pages hold half of what was asked, and every second one nothing."""
    position = _position(call, options)
    size = options.top
    if short:
        size = 0 if position.number % 2 else max(1, options.top // 2)
    end = position.start + size
    if end >= len(items):
        return Page(items[position.start :], None)
    onward = _Position(end, position.number + 1)
    return Page(items[position.start : end], _next_link(call, options, origin, onward, short))


def _position(call: Call, options: Options) -> _Position:
    token = options.given.get("$skiptoken")
    if token is None:
        return _Position(options.skip, 0)
    try:
        encoded = token.removeprefix(_TOKEN_PREFIX)
        query, start, number = orjson.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, TypeError):
        raise bad_request("Skip token is malformed.") from None
    if query != _fingerprint(call):
        raise bad_request("Skip token is malformed.")
    return _Position(start, number)


def _fingerprint(call: Call) -> str:
    named = sorted(pair for pair in call.query if pair[0].casefold() not in ("$skiptoken", "$skip"))
    return hashlib.sha256(orjson.dumps([call.path, named])).hexdigest()[:16]


def _next_link(call: Call, options: Options, origin: str, onward: _Position, short: bool) -> str:
    kept = [(name, value) for name, value in call.query if name.casefold() not in ("$skip", "$skiptoken")]
    if short or options.search is not None:
        packed = urlsafe_b64encode(orjson.dumps([_fingerprint(call), onward.start, onward.number])).decode()
        kept.append(("$skiptoken", _TOKEN_PREFIX + packed.rstrip("=")))
    else:
        kept.append(("$skip", str(onward.start)))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept)
    return f"{origin}{call.path}?{query}"
