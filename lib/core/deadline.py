"""How long the work at hand may still take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from lib.core.errors import DeadlineExceeded


@dataclass(frozen=True)
class Deadline:
    """An instant of the monotonic clock, which nobody can move."""

    at: float

    @classmethod
    def after(cls, duration: timedelta) -> "Deadline":
        """The deadline that lies this far ahead."""
        return cls(time.monotonic() + duration.total_seconds())

    def remaining(self) -> timedelta:
        """What is left; zero when it has passed."""
        return timedelta(seconds=max(0.0, self.at - time.monotonic()))

    def seconds(self, at_most: timedelta) -> float:
        """A timeout in seconds that respects both. Raises `DeadlineExceeded` when nothing is left."""
        seconds = min(self.remaining(), at_most).total_seconds()
        if seconds <= 0:
            raise DeadlineExceeded()
        return seconds


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def current(default: timedelta = timedelta(seconds=30)) -> Deadline:
    """The deadline of the work at hand, or one that begins now."""
    return _current.get() or Deadline.after(default)


@contextmanager
def within(duration: timedelta) -> Iterator[Deadline]:
    """Do the work in the block within this time, or within the outer deadline if that is earlier."""
    inner = Deadline.after(duration)
    outer = _current.get()
    token = _current.set(inner if outer is None or inner.at < outer.at else outer)
    try:
        yield _current.get() or inner
    finally:
        _current.reset(token)
