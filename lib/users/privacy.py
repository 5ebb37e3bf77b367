"""What may be done with what a person has. Whoever reads, tracks, indexes or keeps it asks here first.

Each switch has those who ask listed in `tests/users/switches.py`, with the tests that show it.
"""

from datetime import timedelta
from enum import StrEnum

from lib.core.store import UserId
from lib.users import profile
from lib.users.preferences import PrivacyControls


class Switch(StrEnum):
    """What a person may switch off, by the names of the fields of `PrivacyControls`."""

    CHAT_READS_MAIL = "chat_reads_mail"
    CHAT_READS_FILES = "chat_reads_files"
    CHAT_READS_CALENDARS = "chat_reads_calendars"
    MAIL_IS_TRACKED = "mail_is_tracked"
    CONTENT_IS_INDEXED = "content_is_indexed"


class Kept(StrEnum):
    """What a person may have deleted after a time, by the names of the fields of `RetentionDays`."""

    CONVERSATIONS = "conversations"
    USAGE_EVENTS = "usage_events"


def controls(person: UserId) -> PrivacyControls:
    """What the person allows. Raises `NotFound` for nobody, to whom nothing may be done."""
    return profile.read_preferences(person).privacy


def allows(controls: PrivacyControls, switch: Switch) -> bool:
    """Whether the person lets this be done."""
    return bool(getattr(controls, switch.value))


def retention(controls: PrivacyControls, kept: Kept) -> timedelta | None:
    """How long a kind of thing is kept at most; None where the person has no wish of their own."""
    days: int | None = getattr(controls.retention_days, kept.value)
    return None if days is None else timedelta(days=days)


def differences(before: PrivacyControls, after: PrivacyControls) -> dict[str, str]:
    """What of the controls differs, by name: `on -> off`, or a number of days."""
    old, new = _flat(before), _flat(after)
    return {name: f"{old[name]} -> {new[name]}" for name in old if old[name] != new[name]}


def _flat(controls: PrivacyControls) -> dict[str, str]:
    switches = {switch.value: "on" if allows(controls, switch) else "off" for switch in Switch}
    times = {kept: retention(controls, kept) for kept in Kept}
    return switches | {
        f"retention_days.{kept.value}": "unset" if time is None else str(time.days) for kept, time in times.items()
    }
