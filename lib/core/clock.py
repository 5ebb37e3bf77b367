"""The one clock: system time plus an offset that a test or a simulation may move."""

import os
import time
from datetime import UTC, datetime, timedelta

OFFSET_FILE_VARIABLE = "CLOCK_OFFSET_FILE"


def offset() -> timedelta:
    """How far this process's time is ahead of the system's; zero unless `CLOCK_OFFSET_FILE` names a file.

    The file holds a decimal number of seconds. It is read anew every time, so that all processes which share
    it move together.
    """
    path = os.environ.get(OFFSET_FILE_VARIABLE)
    if not path:
        return timedelta()
    try:
        with open(path, encoding="ascii") as file:
            return timedelta(seconds=float(file.read() or 0))
    except FileNotFoundError:
        return timedelta()


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC) + offset()


def timestamp() -> float:
    """The present instant as seconds since the epoch."""
    return time.time() + offset().total_seconds()
