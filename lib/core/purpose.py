"""What the work at hand is for, as the audit log keeps it with every token that is handed out for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("purpose", default=None)


def current() -> str | None:
    """The purpose of the work at hand, if anybody has named it."""
    return _current.get()


@contextmanager
def of(purpose: str) -> Iterator[None]:
    """Name the purpose of the block, or of the function if it stands above one; a purpose named further out stays."""
    token = _current.set(_current.get() or purpose)
    try:
        yield
    finally:
        _current.reset(token)
