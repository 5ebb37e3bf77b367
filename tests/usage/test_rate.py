"""Requests per minute: exactly the limit, then a wait that is told; when nothing can be counted, all are admitted."""

import secrets
from collections.abc import Iterator

import pytest

from lib.core import clock, settings
from lib.core.errors import TooManyRequests
from lib.core.store import UserId, client
from lib.usage import rate
from lib.usage.limits import LimitSettings
from tests.briefly import Briefly

LIMIT = 12


@pytest.fixture
def person(briefly: Briefly) -> Iterator[UserId]:
    """Somebody who may make a few requests, at the beginning of a minute."""
    before = dict(settings._loaded)
    settings._loaded[LimitSettings] = LimitSettings(requests_per_minute=LIMIT)
    briefly.move_clock(rate.WINDOW_SECONDS - clock.timestamp() % rate.WINDOW_SECONDS)
    yield UserId(f"user_{secrets.token_hex(13)}")
    settings._loaded.clear()
    settings._loaded.update(before)


def admitted(person: UserId, attempts: int) -> int:
    """How many of so many requests in a row are admitted."""
    return sum(1 for _ in range(attempts) if wait(person) is None)


def wait(person: UserId) -> int | None:
    """The seconds that a refused request is told to wait; None if it is admitted."""
    try:
        rate.requests_per_minute(person)
    except TooManyRequests as refused:
        return int(refused.headers["Retry-After"])
    return None


def test_exactly_the_limit_is_admitted(person: UserId) -> None:
    assert admitted(person, 3 * LIMIT) == LIMIT


def test_a_refusal_says_how_long_to_wait(person: UserId) -> None:
    admitted(person, LIMIT)
    assert 1 <= (wait(person) or 0) <= rate.WINDOW_SECONDS


def test_the_window_slides_with_the_clock(briefly: Briefly, person: UserId) -> None:
    assert admitted(person, LIMIT + 1) == LIMIT
    briefly.move_clock(rate.WINDOW_SECONDS - clock.timestamp() % rate.WINDOW_SECONDS + rate.WINDOW_SECONDS / 2)
    # Half of the previous minute still counts, refused requests included.
    assert LIMIT // 2 - 1 <= admitted(person, LIMIT) <= LIMIT // 2 + 1
    briefly.move_clock(2 * rate.WINDOW_SECONDS)
    assert admitted(person, LIMIT + 1) == LIMIT


def test_one_persons_requests_are_not_anothers(person: UserId) -> None:
    assert admitted(person, LIMIT + 1) == LIMIT
    assert wait(UserId(f"{person}_other")) is None


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Firestore's address answers nobody."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")
    client.cache_clear()
    yield
    client.cache_clear()


@pytest.mark.usefixtures("unreachable")
def test_requests_are_admitted_when_firestore_is_unreachable(person: UserId) -> None:
    assert admitted(person, LIMIT + 1) == LIMIT + 1
