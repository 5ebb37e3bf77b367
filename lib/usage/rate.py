"""Requests per minute: a sliding window over two one-minute counters, taken in blocks so that few writes count many.

The estimate is the present window's count plus the share of the previous one that still lies within a minute. An
instance takes blocks that grow with a person's traffic (1, 2, 4, …), so that a busy person costs about one write in
ten requests and a quiet one is counted exactly. A denial is kept until the window allows again. When Firestore does
not answer, requests are admitted: a limit that is down must not take the product down.
"""

from dataclasses import dataclass, field
from threading import Lock

from lib.core import clock, telemetry
from lib.core.errors import TooManyRequests
from lib.core.limits import Limit
from lib.core.settings import load
from lib.core.store import GoogleAPICallError, RetryError, UserId
from lib.usage import deletion, store
from lib.usage.limits import LimitSettings

WINDOW_SECONDS = 60
LARGEST_BLOCK = 16
MOST_PEOPLE = 50_000


@dataclass
class _Window:
    """What this process knows of a person's present minute."""

    index: int
    previous: int
    granted: int = 0
    next_block: int = 1
    denied_until: float = 0.0
    lock: Lock = field(default_factory=Lock)


_lock = Lock()
_windows: dict[UserId, _Window] = {}


def count(person: UserId) -> None:
    """Count a request, of somebody who is still there.

    Raises `PersonDeleted`, and `TooManyRequests` with the seconds to wait.
    """
    deletion.refuse(person)
    try:
        wait = _wait(person)
    except (GoogleAPICallError, RetryError) as error:
        telemetry.warning("rate limit not counted", exception=type(error).__name__)
        return
    if wait > 0:
        seconds = str(max(1, round(wait)))
        raise TooManyRequests(f"Try again in {seconds} s", headers={"Retry-After": seconds})


requests_per_minute = Limit(count, settings=(LimitSettings,))
"""What functions put before their routes."""


def _wait(person: UserId) -> float:
    """Seconds until the person may go on; zero if the request is admitted."""
    now = clock.timestamp()
    window = _window(person, int(now // WINDOW_SECONDS))
    with window.lock:
        if window.denied_until > now:
            return window.denied_until - now
        if window.granted == 0:
            _take_block(person, window, now)
        if window.granted == 0:
            return window.denied_until - now
        window.granted -= 1
        return 0.0


def _window(person: UserId, index: int) -> _Window:
    with _lock:
        known = _windows.get(person)
    if known is not None and known.index == index:
        return known
    fresh = _Window(index, previous=store.window_count(person, index - 1))
    with _lock:
        if len(_windows) >= MOST_PEOPLE:
            _windows.clear()
        current = _windows.get(person)
        if current is None or current.index != index:
            _windows[person] = fresh
        return _windows[person]


def _take_block(person: UserId, window: _Window, now: float) -> None:
    limit = load(LimitSettings).requests_per_minute
    block = min(window.next_block, LARGEST_BLOCK, max(1, limit // 10))
    total = store.add_to_window(person, window.index, block)
    remaining_share = 1 - (now % WINDOW_SECONDS) / WINDOW_SECONDS
    before = total - block + window.previous * remaining_share
    window.granted = max(0, min(block, int(limit - before)))
    window.next_block = block * 2
    if window.granted == 0:
        window.denied_until = now + _until_allowed(window.previous, total - block, limit, now)


def _until_allowed(previous: int, present: int, limit: int, now: float) -> float:
    """Seconds until the previous window's share has shrunk enough, or the next window begins."""
    to_next = WINDOW_SECONDS - now % WINDOW_SECONDS
    if previous <= 0 or present >= limit:
        return to_next
    share_allowed = max(0.0, (limit - 1 - present) / previous)
    return min(to_next, max(0.0, to_next - share_allowed * WINDOW_SECONDS) + 0.001)
