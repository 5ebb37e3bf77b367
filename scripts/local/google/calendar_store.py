"""One person's calendars at Google: events as resources, each with the version of its last change."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from scripts.local import clock
from scripts.local.google import event_resource, event_times
from scripts.local.people.models import Calendar, Person
from scripts.local.provider.recurrence import duration_between, exact_end, instance_suffix, starts
from scripts.local.provider.wire import Json


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, a recurring master, or an exception, and the calendar's version when it last changed."""

    resource: Json
    version: int

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def cancelled(self) -> bool:
        return bool(self.resource["status"] == "cancelled")

    @property
    def recurring(self) -> bool:
        return "recurrence" in self.resource

    @property
    def master_id(self) -> str | None:
        return self.resource.get("recurringEventId")


@dataclass(slots=True)
class StoredCalendar:
    """A calendar; tokens of versions before `oldest_version` no longer work."""

    id: str
    summary: str
    zone: ZoneInfo
    primary: bool
    access_role: str
    owner: str
    updated: datetime
    events: dict[str, StoredEvent] = field(default_factory=dict)
    version: int = 1
    oldest_version: int = 0

    def put(self, resource: Json, updated: datetime | None = None) -> StoredEvent:
        """Store a new or changed event, with a new etag."""
        self.version += 1
        self.updated = updated or clock.now()
        moment = event_times.rfc3339_milliseconds(self.updated)
        etag = f'"{int(self.updated.timestamp() * 1000)}{self.version:04d}"'
        stored = StoredEvent({"kind": "calendar#event", "etag": etag, **resource, "updated": moment}, self.version)
        stored.resource["etag"] = etag
        self.events[stored.id] = stored
        return stored

    def exceptions(self, master: StoredEvent) -> dict[str, StoredEvent]:
        """The exceptions of a series by the suffix of their original start."""
        found = {}
        for stored in self.events.values():
            if stored.master_id == master.id:
                original = event_times.read(stored.resource["originalStartTime"], self.zone)
                found[instance_suffix(original)] = stored
        return found

    def instances(self, master: StoredEvent, until: datetime) -> Iterator[Json]:
        """The instances that start no later than `until` and are no exceptions, as resources."""
        resource = master.resource
        first = event_times.read(resource["start"], self.zone)
        last = event_times.read(resource["end"], self.zone)
        duration = duration_between(first, last)
        zone_name = resource["start"].get("timeZone", self.zone.key)
        excepted = self.exceptions(master)
        kept = {name: value for name, value in resource.items() if name != "recurrence"}
        for start in starts(tuple(resource["recurrence"]), first, until):
            suffix = instance_suffix(start)
            if suffix not in excepted:
                instance_id = f"{master.id}_{suffix}"
                yield kept | {
                    "id": instance_id,
                    "htmlLink": event_resource.html_link(instance_id, self.owner),
                    "recurringEventId": master.id,
                    "originalStartTime": event_times.write(start, zone_name),
                    "start": event_times.write(start, zone_name),
                    "end": event_times.write(exact_end(start, duration), zone_name),
                }

    def instance(self, instance_id: str) -> Json | None:
        """The instance of that id, if a series has it."""
        master_id, _, suffix = instance_id.rpartition("_")
        master = self.events.get(master_id)
        if master is None or not master.recurring or master.cancelled:
            return None
        until = _instant_of_suffix(suffix)
        if until is None:
            return None
        return next((found for found in self.instances(master, until) if found["id"] == instance_id), None)

    def bounds(self, resource: Json) -> tuple[datetime, datetime]:
        """When an event begins and ends, as instants."""
        begin, end = (event_times.read(resource[name], self.zone) for name in ("start", "end"))
        return event_times.instant(begin, self.zone), event_times.instant(end, self.zone)

    def forget(self) -> None:
        """Make every sync token given out so far too old."""
        self.version += 1
        self.oldest_version = self.version


def _instant_of_suffix(suffix: str) -> datetime | None:
    for form in ("%Y%m%dT%H%M%SZ", "%Y%m%d"):
        try:
            return datetime.strptime(suffix, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


@dataclass(slots=True)
class CalendarStore:
    """The calendars in the person's list, by id."""

    owner: str
    calendars: dict[str, StoredCalendar] = field(default_factory=dict)

    @classmethod
    def of(cls, person: Person) -> "CalendarStore":
        """The person's calendars, every event as last changed when the person says so."""
        store = cls(person.email)
        for calendar in person.calendars:
            store.calendars[calendar.id] = _stored(calendar, person)
        return store

    def find(self, calendar_id: str) -> StoredCalendar | None:
        """The calendar of an id; `primary` is the primary one."""
        if calendar_id == "primary":
            return next((calendar for calendar in self.calendars.values() if calendar.primary), None)
        return self.calendars.get(calendar_id)


def _stored(calendar: Calendar, person: Person) -> StoredCalendar:
    zone = ZoneInfo(calendar.time_zone)
    stored = StoredCalendar(
        id=calendar.id,
        summary=calendar.summary,
        zone=zone,
        primary=calendar.primary,
        access_role=calendar.access_role,
        owner=person.email,
        updated=clock.now(),
    )
    for event in sorted(calendar.events, key=lambda event: (event.updated, event.id)):
        stored.put(event_resource.of_event(event, person), event.updated)
    return stored
