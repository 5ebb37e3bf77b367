"""One person's calendars at Microsoft: events by key, each with the version of its last change.

A key is the person's own name of an event; that of an occurrence is its series' with the original start behind it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from scripts.local import clock
from scripts.local.microsoft.graph.identifiers import change_key, container_id, immutable_id, ordinary_id
from scripts.local.microsoft.graph.time_zones import windows_name
from scripts.local.people.models import Calendar, Event, Person
from scripts.local.provider.recurrence import Start, duration_between, exact_end, instance_suffix, starts
from scripts.local.provider.wire import Json

EventType = Literal["singleInstance", "seriesMaster", "occurrence", "exception"]
_SHOWN_AS = {"accepted": "busy", "tentative": "tentative", "needsAction": "tentative", "declined": "free"}


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, a series (with `recurrence` lines), or one of its occurrences or exceptions.

    `fields` are those of Graph's properties that look the same to everyone; `zone_names` are those of start and end as
    the event was made. An exception that is `removed` takes place no more.
    """

    key: str
    start: Start
    end: Start
    zone_names: tuple[str, str]
    fields: Json
    created: datetime
    modified: datetime
    recurrence: tuple[str, ...] = ()
    master_key: str | None = None
    original_start: Start | None = None
    occurrence: bool = False
    removed: bool = False
    version: int = 1

    @property
    def type(self) -> EventType:
        if self.recurrence:
            return "seriesMaster"
        if self.master_key is None:
            return "singleInstance"
        return "occurrence" if self.occurrence else "exception"


@dataclass(slots=True)
class StoredCalendar:
    """A calendar; `editable` for the person."""

    key: str
    owner: str
    name: str
    zone: ZoneInfo
    primary: bool
    editable: bool
    events: dict[str, StoredEvent] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The lasting id."""
        return container_id(self.owner, "calendar", self.key)

    def event_id(self, key: str, immutable: bool) -> str:
        """The id of an event of the kind asked for."""
        kind = "event"
        return immutable_id(self.owner, kind, key) if immutable else ordinary_id(self.owner, kind, key, self.key)

    def change_key(self, event: StoredEvent) -> str:
        return change_key(self.owner, event.key, event.version)

    def put(self, event: StoredEvent) -> StoredEvent:
        """Store a new or changed event as one that has changed just now."""
        before = self.events.get(event.key)
        version = before.version + 1 if before else event.version
        self.events[event.key] = replace(event, version=version, modified=clock.now(), occurrence=False)
        return self.events[event.key]

    def remove(self, event: StoredEvent) -> None:
        """Delete an event, a whole series with its exceptions, or one occurrence of it."""
        if event.master_key is not None:
            self.put(replace(event, removed=True))
            return
        for key in [key for key, one in self.events.items() if event.key in (key, one.master_key)]:
            del self.events[key]

    def instant(self, value: Start) -> datetime:
        """The instant of a time in UTC; a day begins at midnight in the calendar's zone."""
        if not isinstance(value, datetime):
            value = datetime.combine(value, time(), self.zone)
        return value.astimezone(UTC)

    def overlaps(self, event: StoredEvent, begin: datetime, end: datetime) -> bool:
        """Whether an event takes place between two instants; one without length counts by its start."""
        first, last = self.instant(event.start), self.instant(event.end)
        return max(last, first + timedelta(microseconds=1)) > begin and first < end

    def occurrences(self, master: StoredEvent, until: datetime) -> Iterator[StoredEvent]:
        """The occurrences of a series that start no later than `until` and are no exceptions."""
        duration = duration_between(master.start, master.end)
        for start in starts(master.recurrence, master.start, until):
            key = f"{master.key}_{instance_suffix(start)}"
            if key not in self.events:
                yield replace(
                    master,
                    key=key,
                    start=start,
                    end=exact_end(start, duration),
                    recurrence=(),
                    master_key=master.key,
                    original_start=start,
                    occurrence=True,
                )

    def view(self, begin: datetime, end: datetime) -> list[StoredEvent]:
        """What takes place between two instants, series taken apart, by its start."""
        found = []
        for event in self.events.values():
            candidates = self.occurrences(event, end) if event.recurrence else (event,)
            found += [one for one in candidates if not one.removed and self.overlaps(one, begin, end)]
        return sorted(found, key=lambda event: (self.instant(event.start), event.key))

    def find(self, event_id: str, immutable: bool) -> StoredEvent | None:
        """The event, series or occurrence that an id of the kind names."""
        horizon = clock.now() + timedelta(days=730)
        for event in self.events.values():
            if self.event_id(event.key, immutable) == event_id:
                return None if event.removed else event
        for event in self.events.values():
            if event.recurrence:
                for one in self.occurrences(event, horizon):
                    if self.event_id(one.key, immutable) == event_id:
                        return one
        return None


@dataclass(slots=True)
class CalendarStore:
    """The person's calendars by key, the default one first."""

    owner: str
    calendars: dict[str, StoredCalendar] = field(default_factory=dict)

    @classmethod
    def of(cls, person: Person) -> "CalendarStore":
        """The person's calendars, every event as last changed when the person says so."""
        store = cls(person.email)
        for calendar in sorted(person.calendars, key=lambda calendar: not calendar.primary):
            store.calendars[calendar.id] = _stored(calendar, person)
        return store

    @property
    def default(self) -> StoredCalendar:
        return next(calendar for calendar in self.calendars.values() if calendar.primary)

    def find(self, calendar_id: str) -> StoredCalendar | None:
        """The calendar of an id."""
        return next((calendar for calendar in self.calendars.values() if calendar.id == calendar_id), None)

    def find_event(self, event_id: str, immutable: bool) -> tuple[StoredCalendar, StoredEvent] | None:
        """An event in whichever calendar."""
        for calendar in self.calendars.values():
            event = calendar.find(event_id, immutable)
            if event is not None:
                return calendar, event
        return None


def writes_windows_names(person: Person) -> bool:
    """Whether the person's clients name time zones as Windows does; about half of people's do."""
    return hashlib.sha256(person.email.encode()).digest()[0] % 2 == 0


def _stored(calendar: Calendar, person: Person) -> StoredCalendar:
    stored = StoredCalendar(
        key=calendar.id,
        owner=person.email,
        name="Calendar" if calendar.primary else calendar.summary,
        zone=ZoneInfo(calendar.time_zone),
        primary=calendar.primary,
        editable=calendar.access_role in ("owner", "writer"),
    )
    for event in calendar.events:
        stored.events[event.id] = _event(event, person)
    return stored


def _event(event: Event, person: Person) -> StoredEvent:
    zone = windows_name(event.time_zone) if writes_windows_names(person) else event.time_zone
    exception = event.recurring_event_id is not None
    return StoredEvent(
        key=event.id,
        start=event.start,
        end=event.end,
        zone_names=(zone, zone),
        fields=_fields(event, person),
        created=event.created,
        modified=event.updated,
        recurrence=event.recurrence,
        master_key=event.recurring_event_id,
        original_start=event.original_start,
        removed=exception and event.status == "cancelled",
    )


def _fields(event: Event, person: Person) -> Json:
    mine = next((one for one in event.attendees if one.is_self), None)
    organizer = next((one for one in event.attendees if one.organizer), None)
    organized = event.organizer_email == person.email
    cancelled = event.status == "cancelled"
    response = mine.response if mine else "accepted"
    shown = "free" if cancelled or event.transparency == "transparent" else _SHOWN_AS[response]
    return {
        "subject": f"Canceled: {event.summary}" if cancelled else event.summary,
        "text": event.description or "",
        "location": event.location or "",
        "attendees": [
            {"name": one.name, "address": one.email, "response": "none" if one.organizer else _response(one.response)}
            for one in event.attendees
            if not one.is_self or not organized
        ],
        "organizer": {
            "name": person.name if organized else organizer.name if organizer else event.organizer_email,
            "address": event.organizer_email,
        },
        "response": "organizer" if organized else _response(response),
        "isOrganizer": organized,
        "isCancelled": cancelled,
        "showAs": shown,
        "sensitivity": "normal",
        "importance": "normal",
        "categories": [],
        "meeting": event.meet_link,
        "transactionId": None,
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": not event.all_day,
    }


def _response(answer: str) -> str:
    return {"needsAction": "notResponded", "tentative": "tentativelyAccepted"}.get(answer, answer)
