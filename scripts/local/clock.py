"""The local cloud's view of the one clock, and the means to move it and to wait by it."""

import asyncio
import os
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta

from lib.core.clock import OFFSET_FILE_VARIABLE, now, offset, timestamp

__all__ = ["move", "now", "offset", "sleep_until", "timestamp", "wait"]

TICK = timedelta(milliseconds=40)


def move(by: timedelta) -> None:
    """Move the clock of every process that shares the offset file.

    Raises RuntimeError if `CLOCK_OFFSET_FILE` names no file.
    """
    path = os.environ.get(OFFSET_FILE_VARIABLE)
    if not path:
        raise RuntimeError(f"the clock cannot be moved: {OFFSET_FILE_VARIABLE} is not set")
    moved = offset() + by
    # A reader must never see half a number, so the file is replaced, not rewritten.
    descriptor, draft = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)))
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(repr(moved.total_seconds()))
    os.replace(draft, path)


async def wait(event: asyncio.Event, until: datetime | None) -> None:
    """Return when the event is set or the clock reaches the instant, moved or not; None is never."""
    if until is None:
        await event.wait()
        return
    while not event.is_set():
        remaining = until - now()
        if remaining <= timedelta():
            return
        # Not `wait_for`: in Python 3.11 it swallows a cancellation that comes together with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(min(remaining, TICK).total_seconds()):
                await event.wait()


async def sleep_until(instant: datetime) -> None:
    """Return when the clock reaches the instant; a moved clock is noticed within 50 ms."""
    await wait(asyncio.Event(), instant)
