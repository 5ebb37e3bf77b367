"""Trying again what failed in passing: rarely enough that retries never make an outage worse."""

import random
import time
from collections.abc import Callable
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Lock
from typing import TypeVar

from lib.core import clock, deadline

MOST_ATTEMPTS = 3
FIRST_PAUSE = timedelta(milliseconds=200)
LONGEST_PAUSE = timedelta(seconds=5)
LONGEST_ASKED = timedelta(days=1)
RETRIES_PER_CALL = 0.1
MOST_SAVED_RETRIES = 10.0

_T = TypeVar("_T")


class RetryBudget:
    """A token bucket that lets the attempts be at most 1.1 times the calls.

    Every call earns a tenth of a retry, and at most ten are saved. The first retry is lent, so that a fresh process
    may repeat one call; the next ten calls pay for it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._tokens = 1.0
        self._debt = 1.0

    def earn(self) -> None:
        """Note a call."""
        with self._lock:
            repaid = min(RETRIES_PER_CALL, self._debt)
            self._debt -= repaid
            self._tokens = min(MOST_SAVED_RETRIES, self._tokens + RETRIES_PER_CALL - repaid)

    def spend(self) -> bool:
        """Whether one more attempt is allowed; it then counts as made."""
        with self._lock:
            if self._tokens < 1.0 - 1e-9:
                return False
            self._tokens -= 1.0
            return True


@cache
def budget(dependency: str) -> RetryBudget:
    """This process's retry budget towards a dependency."""
    return RetryBudget()


def asked_pause(retry_after: str | None) -> timedelta | None:
    """The pause that a `Retry-After` asks for, in seconds or until a date (RFC 9110, section 10.2.3); a day at most."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    asked: timedelta = moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()
    return min(max(timedelta(), asked), LONGEST_ASKED)


def run(
    attempt: Callable[[], _T],
    *,
    spending: RetryBudget,
    pause_before_retry: Callable[[Exception], timedelta | None],
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """The attempt's result, after at most two more attempts.

    `pause_before_retry` tells what the dependency asked to wait (zero if nothing), or None if the error is not one
    that passes. To that comes a random pause of at most 0.2 s, doubled each time ("full jitter":
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). Raises the attempt's error when no retry
    is left, or when the pause would outlast the deadline.
    """
    spending.earn()
    for retries in range(MOST_ATTEMPTS - 1):
        try:
            return attempt()
        except Exception as error:
            asked = pause_before_retry(error)
            if asked is None:
                raise
            pause = asked + _jitter(retries)
            if pause >= deadline.current().remaining() or not spending.spend():
                raise
        sleep(pause.total_seconds())
    return attempt()


def _jitter(retries: int) -> timedelta:
    longest: timedelta = min(LONGEST_PAUSE, FIRST_PAUSE * 2**retries)
    return random.random() * longest
