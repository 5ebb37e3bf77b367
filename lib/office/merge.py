"""Many streams as one list: pages that lose nothing and repeat nothing, whatever their size and whoever fails.

A stream is a mailbox or a calendar. Its items have places, which order it for ever; a position is the place of the
last item that was handed out. Streams that fail keep their position, so that nothing of them is lost: their items
come when they answer again, though then out of order with what went out before.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge as merge_sorted
from operator import itemgetter
from typing import Any, Generic, TypeVar

from lib.core.errors import InvalidCursor, Problem
from lib.office.errors import passes

_ENDED = "."
_TIE_CHARACTERS = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_T = TypeVar("_T")


@dataclass(frozen=True, order=True)
class Place:
    """Where an item stands: streams ascend by number (milliseconds; negated where newest comes first), then by tie."""

    number: int
    tie: str

    @classmethod
    def of(cls, number: int, provider_id: str) -> "Place":
        """The place of the item with this id."""
        return cls(number, hashlib.sha256(provider_id.encode()).hexdigest()[:_TIE_CHARACTERS])


def milliseconds(moment: datetime) -> int:
    """An instant as the number of a place, where the earliest comes first."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def instant(number: int) -> datetime:
    """The instant that `milliseconds` made a number of."""
    return _EPOCH + timedelta(milliseconds=number)


@dataclass(frozen=True)
class Ended:
    """Everything of the stream was handed out."""


Position = Place | Ended | None
"""None: nothing was handed out yet."""


@dataclass(frozen=True)
class Stretch(Generic[_T]):
    """The next items of a stream in order, as many as were asked for; fewer only if `ended`."""

    items: Sequence[tuple[Place, _T]]
    ended: bool


@dataclass(frozen=True)
class Merged(Generic[_T]):
    """A page, and where each stream then stands."""

    items: list[_T]
    positions: dict[str, Position]
    more: bool


def merge(outcomes: Mapping[str, Stretch[_T] | Problem], before: Mapping[str, Position], limit: int) -> Merged[_T]:
    """The first items of all streams together. `before` are the streams' positions so far.

    There is more while a stream has not ended, or failed for a reason that passes by itself.
    """
    positions = dict(before)
    streams = [
        [(place, name, item) for place, item in outcome.items]
        for name, outcome in outcomes.items()
        if isinstance(outcome, Stretch)
    ]
    ordered = list(merge_sorted(*streams, key=itemgetter(0, 1)))
    page = ordered[:limit]
    for place, name, _ in page:
        positions[name] = place
    left = {name for _, name, _ in ordered[limit:]}
    for name, outcome in outcomes.items():
        if isinstance(outcome, Stretch) and outcome.ended and name not in left:
            positions[name] = Ended()
    waiting = [name for name, outcome in outcomes.items() if isinstance(outcome, Stretch) or passes(outcome)]
    more = any(not isinstance(positions.get(name), Ended) for name in waiting)
    return Merged([item for _, _, item in page], positions, more)


def is_cut(outcomes: Mapping[str, Stretch[_T] | Problem], shown: int) -> bool:
    """Whether those streams that answered hold more than what is shown of them."""
    answered = [outcome for outcome in outcomes.values() if isinstance(outcome, Stretch)]
    return sum(len(outcome.items) for outcome in answered) > shown or any(not outcome.ended for outcome in answered)


def write_positions(positions: Mapping[str, Position]) -> dict[str, Any]:
    """The positions as a cursor holds them."""
    written: dict[str, Any] = {}
    for name, position in positions.items():
        if isinstance(position, Ended):
            written[name] = _ENDED
        elif position is not None:
            written[name] = [position.number, position.tie]
    return written


def read_positions(written: Mapping[str, Any]) -> dict[str, Position]:
    """The positions that a cursor holds. Raises `InvalidCursor`."""
    try:
        return {
            name: Ended() if value == _ENDED else Place(int(value[0]), str(value[1])) for name, value in written.items()
        }
    except (ValueError, TypeError, LookupError):
        raise InvalidCursor() from None
