"""How far the reading of one stream has come, over a provider's pages of whatever size."""

from dataclasses import dataclass, field
from heapq import nsmallest
from operator import itemgetter
from typing import Generic, TypeVar

from lib.office.merge import Place, Stretch

_T = TypeVar("_T")


@dataclass
class Reading(Generic[_T]):
    """Takes items in the order of their numbers, until there are surely the first `limit` ones after a place.

    Where several items have the same number, the provider gives them in an order of its own: the first ones are only
    known when a later number has come.
    """

    after: Place | None
    limit: int
    ended: bool = False
    _found: list[tuple[Place, _T]] = field(default_factory=list)
    _reached: int | None = None

    def reach(self, place: Place) -> bool:
        """Note that the pages have come to this place; whether it lies where the reading is to go on."""
        self._reached = place.number if self._reached is None else max(self._reached, place.number)
        return self.after is None or place > self.after

    def keep(self, place: Place, item: _T) -> None:
        """Take an item."""
        self._found.append((place, item))

    @property
    def is_enough(self) -> bool:
        """Whether no further page can change what is first."""
        if self.ended or len(self._found) < self.limit:
            return self.ended
        last, _ = nsmallest(self.limit, self._found, key=itemgetter(0))[-1]
        return self._reached is not None and self._reached > last.number

    def stretch(self) -> Stretch[_T]:
        """The first items, in order."""
        found = sorted(self._found, key=itemgetter(0))
        return Stretch(found[: self.limit], ended=self.ended and len(found) <= self.limit)
