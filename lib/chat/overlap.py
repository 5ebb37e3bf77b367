"""Where a sequence, which comes item by item, runs along with sequences that are known."""

from collections.abc import Hashable, Iterable
from typing import TypeAlias

Items: TypeAlias = str | tuple[Hashable, ...]
"""Letters, as a string, or words."""


class Runs:
    """All runs of `length` items that occur in the known sequences, but in none of the trusted ones."""

    def __init__(self, length: int, probe: int, known: Iterable[Items], trusted: Iterable[Items] = ()):
        self.length = length
        self.probe = probe
        """A run of this many that occurs nowhere shows early that no longer run goes over it."""
        self.whole: set[int] = set()
        self.probes: set[int] = set()
        for items in known:
            self.whole.update(_hashes(items, length))
            if len(items) >= length:
                self.probes.update(_hashes(items, probe))
        for items in trusted:
            self.whole.difference_update(_hashes(items, length))


class Overlap:
    """Reads along, and knows of each item whether it belongs to a known run, as soon as that is certain."""

    def __init__(self, runs: Runs, empty: Items):
        self._runs = runs
        self._recent: Items = empty
        self._count = 0
        self._last_dead = -1
        """Where the last probe began that occurs nowhere."""
        self._covered: list[tuple[int, int]] = []
        self._final = False

    def add(self, item: Items) -> None:
        """The next item, as a sequence of one."""
        runs = self._runs
        if not runs.whole:
            self._last_dead = self._count
            self._count += 1
            return
        self._recent = (self._recent + item)[-runs.length :]  # type: ignore[operator]
        self._count += 1
        if self._count >= runs.probe and hash(self._recent[-runs.probe :]) not in runs.probes:
            self._last_dead = self._count - runs.probe
        elif self._count >= runs.length and hash(self._recent) in runs.whole:
            self._cover(self._count - runs.length, self._count)

    def close(self) -> None:
        """There is no more."""
        self._final = True

    def is_decided(self, place: int) -> bool:
        """Whether it is certain that the item belongs to a run or that it does not."""
        return self._final or self._last_dead >= place or self._count >= place + self._runs.length

    def covered(self, start: int, end: int) -> int:
        """How many items of this stretch belong to known runs. Stretches are to be asked for in ascending order."""
        while self._covered and self._covered[0][1] <= start:
            self._covered.pop(0)
        return sum(max(0, min(end, last) - max(start, first)) for first, last in self._covered)

    def _cover(self, start: int, end: int) -> None:
        if self._covered and self._covered[-1][1] >= start:
            self._covered[-1] = (self._covered[-1][0], end)
        else:
            self._covered.append((start, end))


def _hashes(items: Items, length: int) -> Iterable[int]:
    return (hash(items[start : start + length]) for start in range(len(items) - length + 1))
