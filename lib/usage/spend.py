"""The day's budget for models: reserved before a call, settled by the event that records it. Fails closed."""

from datetime import UTC, timedelta

from lib.core import clock
from lib.core.errors import SpendLimitReached
from lib.core.settings import load
from lib.core.store import UserId
from lib.usage import store
from lib.usage.limits import LimitSettings
from lib.usage.models import Micros, SpendLimit

RESERVATION_LASTS = timedelta(minutes=15)


def reserve(person: UserId, reservation: str, amount: Micros) -> None:
    """Set an amount of today's budget aside; a repeat with the same id changes nothing.

    Raises `SpendLimitReached` when the budget does not hold it. Reservations that nobody settled are swept when they
    would stand in the way, and only then.
    """
    if _reserved(person, reservation, amount):
        return
    if _sweep(person) and _reserved(person, reservation, amount):
        return
    raise SpendLimitReached(f"It is renewed at {current(person).resets_at.isoformat()}")


def release(person: UserId, reservation: str) -> None:
    """Give a reservation back when nothing was called after all."""
    store.release(person, reservation)


def current(person: UserId) -> SpendLimit:
    """Where the person stands today."""
    today = clock.now().astimezone(UTC).date()
    return SpendLimit(
        limit=load(LimitSettings).model_spend_per_day,
        committed=store.committed(person, today),
        resets_at=store.end_of_day(today),
    )


def _reserved(person: UserId, reservation: str, amount: Micros) -> bool:
    now = clock.now()
    today, limit = now.astimezone(UTC).date(), load(LimitSettings).model_spend_per_day
    while True:
        total = store.reserve(person, reservation, today, amount, now + RESERVATION_LASTS)
        if total is not None:
            break
        # Whoever reserved it first may be about to find that it is too much, and to give it back.
        total = store.committed_with(person, reservation, today)
        if total is not None:
            return total <= limit
    if total <= limit:
        return True
    store.release(person, reservation)
    return False


def release_expired() -> None:
    """Give back what anybody's holders never settled, so that a day's budget shows what was spent of it."""
    for person, reservation in store.reservations_expired_by(clock.now()):
        store.release(person, reservation)


def _sweep(person: UserId) -> bool:
    """Give expired reservations back; True if there were any."""
    released = [store.release(person, reservation) for reservation in store.expired_reservations(person)]
    return any(released)
