"""People are told on the channels that they chose, and at night only in the app."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lib.users.notifications import Channel, Kind, channels
from lib.users.preferences import Channels, NotificationPreferences, Preferences

EVERYWHERE = {"in_app": True, "push": True, "email": True}


def told(hour: int, minute: int = 0, zone: str = "Etc/UTC", **notifications: Any) -> frozenset[Channel]:
    """Where somebody is told of mail at a time of a summer's day (UTC)."""
    preferences = Preferences.model_validate({"time_zone": zone, "notifications": {"mail": EVERYWHERE} | notifications})
    return channels(preferences, Kind.MAIL, datetime(2026, 7, 1, hour, minute, tzinfo=UTC))


def test_every_kind_and_every_channel_can_be_chosen() -> None:
    assert {kind.value for kind in Kind} == set(NotificationPreferences.model_fields) - {"quiet_hours"}
    assert {channel.value for channel in Channel} == set(Channels.model_fields)


def test_a_kind_is_told_where_the_person_chose_it() -> None:
    assert told(12) == {Channel.IN_APP, Channel.PUSH, Channel.EMAIL}
    assert told(12, mail={"in_app": False, "email": True}) == {Channel.EMAIL}
    assert told(12, mail={"in_app": False}) == frozenset()


@pytest.mark.parametrize(
    ("hour", "minute", "is_quiet"),
    [(21, 59, False), (22, 0, True), (23, 30, True), (0, 0, True), (6, 59, True), (7, 0, False), (12, 0, False)],
)
def test_quiet_hours_last_over_midnight_until_just_before_their_end(hour: int, minute: int, is_quiet: bool) -> None:
    expected = {Channel.IN_APP} if is_quiet else set(Channel)
    assert told(hour, minute, quiet_hours={"start": "22:00", "end": "07:00"}) == expected


@pytest.mark.parametrize(("hour", "is_quiet"), [(11, False), (12, True), (13, True), (14, False), (0, False)])
def test_quiet_hours_can_be_within_a_day(hour: int, is_quiet: bool) -> None:
    assert (told(hour, quiet_hours={"start": "12:00", "end": "14:00"}) == {Channel.IN_APP}) == is_quiet


def test_quiet_hours_are_by_the_clock_where_the_person_is() -> None:
    quiet = {"start": "22:00", "end": "07:00"}
    assert told(21, zone="Europe/Berlin", quiet_hours=quiet) == {Channel.IN_APP}
    assert told(21, zone="America/New_York", quiet_hours=quiet) == set(Channel)


def test_who_wants_nothing_in_the_app_is_not_told_there_in_quiet_hours() -> None:
    assert told(23, mail={**EVERYWHERE, "in_app": False}, quiet_hours={"start": "22:00", "end": "07:00"}) == frozenset()
