"""Which events a list asks for, apart from the time window.

Source: https://developers.google.com/workspace/calendar/api/v3/reference/events/list#parameters
"""

from dataclasses import dataclass
from datetime import datetime

from scripts.local.google.calendar_store import StoredEvent
from scripts.local.google.gmail_search import words
from scripts.local.google.parameters import Parameters
from scripts.local.provider.wire import Json


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The conditions of one list; `since` is the version of a sync token."""

    single_events: bool
    show_deleted: bool
    since: int | None
    updated_min: datetime | None
    terms: tuple[str, ...]
    ical_uid: str | None
    event_types: tuple[str, ...]
    properties: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, parameters: Parameters, since: int | None) -> "EventFilter":
        """The conditions that the parameters state."""
        properties = []
        for kind in ("private", "shared"):
            for pair in parameters.many(f"{kind}ExtendedProperty"):
                name, _, value = pair.partition("=")
                properties.append((kind, name, value))
        return cls(
            single_events=parameters.flag("singleEvents"),
            show_deleted=parameters.flag("showDeleted"),
            since=since,
            updated_min=parameters.instant("updatedMin"),
            terms=tuple(words(parameters.text("q") or "")),
            ical_uid=parameters.text("iCalUID"),
            event_types=parameters.many("eventTypes"),
            properties=tuple(properties),
        )

    def admits_cancelled(self, stored: StoredEvent) -> bool:
        """Deleted events come when asked for, with a sync token or updatedMin; cancelled instances unless unrolled."""
        if self.show_deleted or self.since is not None or self.updated_min is not None:
            return True
        return stored.master_id is not None and not self.single_events

    def matches(self, event: Json) -> bool:
        """Whether an event meets every condition."""
        if self.ical_uid is not None and event.get("iCalUID") != self.ical_uid:
            return False
        if self.event_types and event.get("eventType") not in self.event_types:
            return False
        if self.updated_min and datetime.fromisoformat(event["updated"]) < self.updated_min:
            return False
        return self._has_properties(event) and self._has_terms(event)

    def _has_properties(self, event: Json) -> bool:
        extended = event.get("extendedProperties", {})
        return all(extended.get(kind, {}).get(name) == value for kind, name, value in self.properties)

    def _has_terms(self, event: Json) -> bool:
        people = [event.get("organizer", {}), *event.get("attendees", [])]
        texts = [event.get(name, "") for name in ("summary", "description", "location")]
        texts += [person.get(name, "") for person in people for name in ("displayName", "email")]
        found = {word for text in texts for word in words(text)}
        return found.issuperset(self.terms)
