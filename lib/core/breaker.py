"""A breaker per dependency, shared by all processes: a dead provider is asked by hardly anybody until it lives again.

What a process learns, the others read in Firestore (`breakers/{dependency}`) within five seconds. Were each process to
find out for itself, most calls of a large fleet would still go to the dead provider.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Protocol, TypeVar

from google.api_core.exceptions import GoogleAPICallError, RetryError

from lib.core import clock, telemetry
from lib.core.errors import Unavailable
from lib.core.store import Global, global_document

SCHEMA_VERSION = 1
WATCHED = timedelta(seconds=60)
FEWEST_FAILURES = 10
FAILING_SHARE = 0.5
STAYS_OPEN = timedelta(seconds=30)
STATE_KEPT = timedelta(seconds=5)
PROBING_SHARE = 0.05
STATE_TIMEOUT_SECONDS = 1.0

_T = TypeVar("_T")


class SharedState(Protocol):
    """Where the processes tell each other until when a dependency is not to be asked."""

    def read(self, dependency: str) -> datetime | None:
        """Until when the breaker is open; None if it is closed."""
        ...

    def write(self, dependency: str, open_until: datetime | None) -> None:
        """Open the breaker until an instant, or close it."""
        ...


class StoredState:
    """The state in Firestore. Whatever goes wrong there, calls go on as if the breaker were closed."""

    def read(self, dependency: str) -> datetime | None:
        """As `SharedState` has it."""
        try:
            snapshot = global_document(Global.BREAKERS, dependency).get(retry=None, timeout=STATE_TIMEOUT_SECONDS)
        except (GoogleAPICallError, RetryError) as error:
            telemetry.warning("breaker unreadable", dependency=dependency, exception=type(error).__name__)
            return None
        until = (snapshot.to_dict() or {}).get("open_until")
        return until if isinstance(until, datetime) else None

    def write(self, dependency: str, open_until: datetime | None) -> None:
        """As `SharedState` has it."""
        state = {"open_until": open_until, "changed_at": clock.now(), "schema_version": SCHEMA_VERSION}
        try:
            global_document(Global.BREAKERS, dependency).set(state, retry=None, timeout=STATE_TIMEOUT_SECONDS)
        except (GoogleAPICallError, RetryError) as error:
            telemetry.warning("breaker unwritable", dependency=dependency, exception=type(error).__name__)


@dataclass(frozen=True)
class _Outcome:
    at: datetime
    failed: bool


class Breaker:
    """Opens when at least ten calls, and half of all, failed within a minute; then only 5% of the calls go through.

    One of these that succeeds closes it, one that fails keeps it open for 30 s more; without any it closes by itself
    after 30 s.
    """

    def __init__(
        self, dependency: str, state: SharedState | None = None, chance: Callable[[], float] = random.random
    ) -> None:
        self._dependency = dependency
        self._state = state or StoredState()
        self._chance = chance
        self._lock = Lock()
        self._outcomes: deque[_Outcome] = deque()
        self._open_until: datetime | None = None
        self._read_at: datetime | None = None

    def call(self, attempt: Callable[[], _T], *, is_outage: Callable[[Exception], bool]) -> _T:
        """The attempt's result. Raises `Unavailable` without trying while the breaker is open, else its error.

        `is_outage` tells whether an error means that the dependency itself is ill.
        """
        was_open = self._admit()
        try:
            result = attempt()
        except Exception as error:
            self._note(failed=is_outage(error), was_open=was_open)
            raise
        self._note(failed=False, was_open=was_open)
        return result

    def _admit(self) -> bool:
        """Whether the call is a probe. Raises `Unavailable` if it is not to be made."""
        until = self._known_state()
        if until is None or until <= clock.now():
            return False
        if self._chance() < PROBING_SHARE:
            return True
        seconds = int((until - clock.now()).total_seconds()) + 1
        raise Unavailable(f"{self._dependency} is not answering", headers={"Retry-After": str(seconds)})

    def _known_state(self) -> datetime | None:
        now = clock.now()
        with self._lock:
            if self._read_at is not None and timedelta() <= now - self._read_at < STATE_KEPT:
                return self._open_until
            self._read_at = now
        read = self._state.read(self._dependency)
        with self._lock:
            self._open_until = read
            return read

    def _note(self, *, failed: bool, was_open: bool) -> None:
        if was_open:
            self._set(clock.now() + STAYS_OPEN if failed else None)
        elif self._failing(failed):
            telemetry.warning("breaker opened", dependency=self._dependency)
            self._set(clock.now() + STAYS_OPEN)

    def _failing(self, failed: bool) -> bool:
        """Count the outcome; whether the failures of the last minute are too many."""
        now = clock.now()
        with self._lock:
            self._outcomes.append(_Outcome(now, failed))
            while self._outcomes[0].at < now - WATCHED:
                self._outcomes.popleft()
            failures = sum(outcome.failed for outcome in self._outcomes)
            return failed and failures >= max(FEWEST_FAILURES, FAILING_SHARE * len(self._outcomes))

    def _set(self, open_until: datetime | None) -> None:
        with self._lock:
            self._open_until = open_until
            self._read_at = clock.now()
            self._outcomes.clear()
        self._state.write(self._dependency, open_until)


@cache
def breaker(dependency: str) -> Breaker:
    """This process's breaker for a dependency."""
    return Breaker(dependency)
