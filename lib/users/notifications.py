"""Where a person is told of something, as they want it."""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from lib.users.preferences import Preferences, QuietHours


class Kind(StrEnum):
    """What a notification is about, by the names of the fields of `NotificationPreferences`."""

    MAIL = "mail"
    CALENDAR = "calendar"
    CHAT = "chat"
    DOCUMENTS = "documents"
    ACCOUNTS = "accounts"
    USAGE = "usage"


class Channel(StrEnum):
    """How it reaches the person, by the names of the fields of `Channels`."""

    IN_APP = "in_app"
    PUSH = "push"
    EMAIL = "email"


def channels(preferences: Preferences, kind: Kind, moment: datetime) -> frozenset[Channel]:
    """The channels on which a kind is told at a moment: in quiet hours, by the person's clock, only in the app."""
    wanted = getattr(preferences.notifications, kind.value)
    chosen = frozenset(channel for channel in Channel if getattr(wanted, channel.value))
    quiet = preferences.notifications.quiet_hours
    if quiet is not None and _is_within(quiet, moment.astimezone(ZoneInfo(preferences.time_zone))):
        return chosen & {Channel.IN_APP}
    return chosen


def _is_within(quiet: QuietHours, local: datetime) -> bool:
    time = f"{local:%H:%M}"
    if quiet.start < quiet.end:
        return quiet.start <= time < quiet.end
    return time >= quiet.start or time < quiet.end
