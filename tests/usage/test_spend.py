"""The day's budget: what is reserved at once never exceeds it, and every reservation ends exactly once."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import pytest

from lib.core import clock, settings
from lib.core.errors import SpendLimitReached
from lib.core.store import UserId
from lib.usage import spend, store
from lib.usage.limits import LimitSettings
from lib.usage.models import Micros, ModelUsed
from tests.briefly import Briefly
from tests.model_use import used

BUDGET, AMOUNT = Micros(100), Micros(7)
THREADS, EACH = 4, 60


@pytest.fixture
def person(briefly: Briefly) -> Iterator[UserId]:
    """Somebody with a budget of a hundred."""
    before = dict(settings._loaded)
    settings._loaded[LimitSettings] = LimitSettings(model_spend_per_day=BUDGET)
    yield UserId(f"user_{secrets.token_hex(13)}")
    settings._loaded.clear()
    settings._loaded.update(before)


def reserved(person: UserId, name: str, amount: Micros = AMOUNT) -> bool:
    """Whether the budget held it."""
    try:
        spend.reserve(person, name, amount)
    except SpendLimitReached:
        return False
    return True


def committed(person: UserId) -> int:
    return spend.current(person).committed


def settling(person: UserId, reservation: str) -> ModelUsed:
    """The event that settles a reservation."""
    return used(person, id=f"use_{reservation}", model="a-model", reservation=reservation, cost=Micros(3))


def test_reservations_made_at_once_fill_the_budget_and_never_more(person: UserId) -> None:
    def in_turn(thread: int) -> list[str]:
        names = [f"r-{thread}-{number}" for number in range(EACH)]
        return [name for name in names if reserved(person, name)]

    with ThreadPoolExecutor(THREADS) as pool:
        granted = [name for names in pool.map(in_turn, range(THREADS)) for name in names]
    while reserved(person, f"r-late-{len(granted)}"):
        granted.append(f"r-late-{len(granted)}")
    assert len(granted) == BUDGET // AMOUNT
    assert committed(person) == len(granted) * AMOUNT


def test_the_same_reservation_again_changes_nothing(person: UserId) -> None:
    assert reserved(person, "one")
    assert reserved(person, "one")
    assert committed(person) == AMOUNT


def test_a_repeat_is_not_admitted_by_a_reservation_that_was_too_much(person: UserId) -> None:
    """The first one has written it down and not yet looked at the total."""
    assert reserved(person, "held", BUDGET)
    now = clock.now()
    store.reserve(person, "too much", now.astimezone(UTC).date(), AMOUNT, now + timedelta(minutes=15))
    assert not reserved(person, "too much")
    spend.release(person, "too much")
    assert committed(person) == BUDGET
    assert not reserved(person, "too much")


def test_a_released_reservation_is_given_back_once(person: UserId) -> None:
    assert reserved(person, "one")
    spend.release(person, "one")
    spend.release(person, "one")
    assert committed(person) == 0


def test_a_budget_that_is_used_up_says_when_it_is_renewed(person: UserId) -> None:
    assert reserved(person, "all", BUDGET)
    with pytest.raises(SpendLimitReached) as refused:
        spend.reserve(person, "more", Micros(1))
    tomorrow = store.end_of_day(clock.now().astimezone(UTC).date())
    assert tomorrow.isoformat() in str(refused.value)
    assert committed(person) == BUDGET


def test_reservations_that_nobody_settled_give_way_when_they_stand_in_the_way(person: UserId) -> None:
    now = clock.now()
    store.reserve(person, "left", now.astimezone(UTC).date(), BUDGET, now - timedelta(seconds=1))
    assert committed(person) == BUDGET
    assert reserved(person, "next")
    assert committed(person) == AMOUNT


def test_reservations_that_still_hold_do_not_give_way(person: UserId) -> None:
    assert reserved(person, "held", BUDGET)
    assert not reserved(person, "next")


def test_an_event_settles_its_reservation_once(person: UserId) -> None:
    assert reserved(person, "one")
    assert store.record_model_use(settling(person, "one"))
    assert not store.record_model_use(settling(person, "one"))
    assert committed(person) == 3
    spend.release(person, "one")
    assert committed(person) == 3


def test_an_event_that_comes_after_its_reservation_was_swept_still_costs(person: UserId) -> None:
    assert reserved(person, "one")
    spend.release(person, "one")
    assert store.record_model_use(settling(person, "one"))
    assert committed(person) == 3


def test_settlings_at_once_count_once(person: UserId) -> None:
    assert reserved(person, "one")
    with ThreadPoolExecutor(THREADS) as pool:
        counted = list(pool.map(lambda _: store.record_model_use(settling(person, "one")), range(8)))
    assert counted.count(True) == 1
    assert committed(person) == 3
    (day,) = store.days(person, clock.now().date(), clock.now().date())
    assert day.models["a-model"].answers == 1
