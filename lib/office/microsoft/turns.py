"""How many requests of one mailbox are under way at once: no more than its provider allows."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from threading import Condition

from lib.core import deadline
from lib.core.errors import DeadlineExceeded

LONGEST_WAIT = timedelta(seconds=30)


@dataclass
class _Line:
    """The turns of one mailbox that are free, and who waits for some, first come first."""

    free: int
    waiting: deque[object] = field(default_factory=deque)


class Turns:
    """Turns at a mailbox, in this process; who comes first is served first, however many turns he needs."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = Condition()
        self._lines: dict[str, _Line] = {}

    @contextmanager
    def taken(self, mailbox: str, count: int) -> Iterator[None]:
        """Hold so many turns in the block, or all if there are fewer.

        Raises `DeadlineExceeded` when others hold them until the deadline of the work at hand.
        """
        needed = min(count, self._most)
        self._take(mailbox, needed)
        try:
            yield
        finally:
            self._give_back(mailbox, needed)

    def _take(self, mailbox: str, needed: int) -> None:
        ticket = object()
        with self._changed:
            line = self._lines.setdefault(mailbox, _Line(self._most))
            line.waiting.append(ticket)
            try:
                seconds = deadline.current().seconds(LONGEST_WAIT)
                if not self._changed.wait_for(lambda: line.waiting[0] is ticket and line.free >= needed, seconds):
                    raise DeadlineExceeded("Other requests of the mailbox took too long")
                line.free -= needed
            finally:
                line.waiting.remove(ticket)
                self._tidy(mailbox, line)

    def _give_back(self, mailbox: str, needed: int) -> None:
        with self._changed:
            line = self._lines[mailbox]
            line.free += needed
            self._tidy(mailbox, line)

    def _tidy(self, mailbox: str, line: _Line) -> None:
        if line.free == self._most and not line.waiting:
            del self._lines[mailbox]
        self._changed.notify_all()


@cache
def turns(most: int) -> Turns:
    """This process's turns, where a mailbox allows so many."""
    return Turns(most)
