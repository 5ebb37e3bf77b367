"""The events of one run in the memory of the instance that produces it: one writer, many readers."""

import asyncio
from collections.abc import AsyncIterator, Sequence


class Ring:
    """Data lines of a run, numbered from 1. All are kept until the run is over and its readers are gone."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._lines: list[str] = []
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def last(self) -> int:
        """The number of the newest line; 0 if there is none."""
        return len(self._lines)

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def append(self, line: str) -> None:
        """Add a line and wake the readers."""
        self._lines.append(line)
        self._wake()

    def close(self) -> None:
        """Let the readers end when they have read everything."""
        self._closed = True
        self._wake()

    def between(self, after: int, last: int) -> Sequence[str]:
        """The lines beyond a number, up to another one."""
        return self._lines[after:last]

    async def follow(self, after: int) -> AsyncIterator[tuple[int, str]]:
        """Every line beyond a number, with its own, as they come."""
        position = after
        while True:
            changed = self._changed
            while position < len(self._lines):
                position += 1
                yield position, self._lines[position - 1]
            if self._closed:
                return
            if changed is self._changed:
                await changed.wait()

    def _wake(self) -> None:
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()
