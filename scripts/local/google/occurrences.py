"""What really takes place in a calendar between two instants: single events, exceptions, and instances of series."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from scripts.local import clock
from scripts.local.google.calendar_store import StoredCalendar, StoredEvent
from scripts.local.provider.wire import Json

_HORIZON = timedelta(days=730)


def horizon() -> datetime:
    """How far a series is unrolled when no timeMax is given: Google does not say; two years here."""
    return clock.now() + _HORIZON


def overlaps(calendar: StoredCalendar, event: Json, begin: datetime | None, end: datetime | None) -> bool:
    """Whether an event ends after `begin` and starts before `end`, both exclusive.

    Source: https://developers.google.com/workspace/calendar/api/v3/reference/events/list#timeMin
    """
    if "start" not in event:
        return True
    first, last = calendar.bounds(event)
    # An event without length counts by its start.
    return (begin is None or max(last, first + timedelta(microseconds=1)) > begin) and (end is None or first < end)


def instances_between(
    calendar: StoredCalendar, master: StoredEvent, begin: datetime | None, end: datetime | None
) -> Iterator[Json]:
    """The instances of a living series between two instants, exceptions left out."""
    if not master.cancelled:
        for instance in calendar.instances(master, end or horizon()):
            if overlaps(calendar, instance, begin, end):
                yield instance


def is_orphan(calendar: StoredCalendar, stored: StoredEvent) -> bool:
    """Whether an exception's series has been deleted."""
    master = calendar.events.get(stored.master_id or "")
    return stored.master_id is not None and (master is None or master.cancelled)


def occurrences(calendar: StoredCalendar, begin: datetime, end: datetime) -> Iterator[Json]:
    """Everything that takes place between two instants, nothing cancelled."""
    for stored in calendar.events.values():
        if stored.recurring:
            yield from instances_between(calendar, stored, begin, end)
        elif (
            not stored.cancelled and not is_orphan(calendar, stored) and overlaps(calendar, stored.resource, begin, end)
        ):
            yield stored.resource
