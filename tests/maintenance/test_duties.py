"""What schedules tell of is done, whoever it is told to, and however often."""

import secrets
from datetime import timedelta

import pytest

from lib.core import clock
from lib.core.errors import MalformedWebhook
from lib.core.events import Delivery
from lib.core.store import UserId
from lib.maintenance import duties
from lib.usage import spend, store
from lib.usage.models import Micros
from scripts.local import catalog
from tests.briefly import Briefly, eventually

A_MINUTE_AGO = -timedelta(minutes=1)


def test_every_schedule_names_a_duty_and_every_duty_is_scheduled() -> None:
    schedules = catalog.load().schedules
    assert {name for name, row in schedules.items() if row.topic == "duties"} == set(duties.DUTIES)


def test_a_duty_that_nobody_has_is_refused() -> None:
    with pytest.raises(MalformedWebhook):
        duties.perform(Delivery("1", b"", {"duty": "tidy-up"}, 1))


def test_reservations_that_nobody_settled_are_given_back_hourly_and_others_are_kept(briefly: Briefly) -> None:
    people = [UserId(f"user_{secrets.token_hex(13)}") for _ in range(2)]
    today, now = clock.now().date(), clock.now()
    for person in people:
        store.reserve(person, "left behind", today, Micros(5), now + A_MINUTE_AGO)
        store.reserve(person, "held", today, Micros(2), now + spend.RESERVATION_LASTS)
    briefly.run_schedule("release-reservations")
    eventually(lambda: all(store.committed(person, today) == 2 for person in people))
