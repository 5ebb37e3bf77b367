"""Reading Outlook calendars.

https://learn.microsoft.com/graph/api/calendar-list-calendarview
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.accounts.models import Account
from lib.core.errors import NotFound, Problem
from lib.core.store import UserId
from lib.office.calling import Caller, Json, required
from lib.office.identifiers import decode
from lib.office.merge import Ended, Stretch, instant
from lib.office.microsoft import events
from lib.office.microsoft.client import CALENDAR, ID, GraphClient, target, view
from lib.office.microsoft.events import Held
from lib.office.models import Calendar, Event
from lib.office.ports import PositionOf
from lib.office.reading import Reading

LARGEST_PAGE = 250
SPARE = 10
"""So many more are asked for than wanted, since some will turn out to be cancelled or to lie outside of the window."""
FARTHEST_ZONE = timedelta(hours=14)
"""How far midnight of a zone may lie from midnight UTC."""

Window = tuple[datetime, datetime]


@dataclass
class _Reading:
    """How far the reading of one calendar has come, and the call that goes on with it."""

    held: Held
    events: Reading[Event]
    call: str


class MicrosoftCalendar:
    """The calendars of one Microsoft account (`lib.office.ports.CalendarReader`)."""

    def __init__(self, person: UserId, account: Account, client: GraphClient | None = None) -> None:
        self._account = account
        self._client = client or GraphClient(CALENDAR, Caller(person, account))

    def calendars(self) -> list[Calendar]:
        """The calendars of the mailbox; Graph does not tell which of them Outlook shows."""
        return [held.calendar for held in self._held()]

    def pages(
        self, window: Window, query: str | None, after: PositionOf, limit: int
    ) -> Mapping[str, Stretch[Event] | Problem]:
        """As the port has it: one round trip for the list of calendars, and one for as many events as are asked for."""
        outcomes: dict[str, Stretch[Event] | Problem] = {}
        readings: list[_Reading] = []
        for held in self._held():
            position = after(held.calendar.id)
            if isinstance(position, Ended):
                outcomes[held.calendar.id] = Stretch([], ended=True)
                continue
            reading: Reading[Event] = Reading(position, limit)
            readings.append(_Reading(held, reading, _first_call(held, reading, window, query)))
        while readings:
            answers = self._client.batch([reading.call for reading in readings])
            for reading_on, answer in zip(list(readings), answers, strict=True):
                outcome = answer if isinstance(answer, Problem) else self._take(reading_on, answer, window, query)
                if outcome is not None:
                    outcomes[reading_on.held.calendar.id] = outcome
                    readings.remove(reading_on)
        return outcomes

    def event(self, calendar_id: str, event_id: str) -> Event:
        """One event. Raises `NotFound`."""
        if not ID.fullmatch(calendar_id) or not ID.fullmatch(event_id):
            raise NotFound()
        calls = [
            target("me", "calendars", calendar_id, "events", event_id, select=events.EVENT),
            target("me", "calendars", calendar_id, select=events.CALENDAR),
            target("me", "calendar", select=events.CALENDAR),
        ]
        resource, entry, default = [required(answer) for answer in self._client.batch(calls)]
        if not events.is_there(resource):
            raise NotFound()
        return events.event(events.held(self._account, entry, default), resource)

    def _held(self) -> list[Held]:
        first = self._client.get(target("me", "calendars", select=events.CALENDAR, top=LARGEST_PAGE))
        entries = [entry for page in self._client.pages(first) for entry in page["value"]]
        default: Json = next((entry for entry in entries if entry.get("isDefaultCalendar")), {})
        return [events.held(self._account, entry, default) for entry in entries]

    def _take(self, reading: _Reading, page: Json, window: Window, query: str | None) -> Stretch[Event] | None:
        """Take in a page; the stretch, if the calendar has now given as many events as asked for, or all."""
        for resource in page["value"]:
            place = events.place(resource)
            if reading.events.reach(place) and events.is_there(resource) and events.overlaps(resource, window):
                event = events.event(reading.held, resource)
                if query is None or events.says(event, query):
                    reading.events.keep(place, event)
        following = self._client.following(page)
        reading.events.ended = following is None
        reading.call = following or reading.call
        return reading.events.stretch() if reading.events.is_enough else None


def _first_call(held: Held, reading: Reading[Event], window: Window, query: str | None) -> str:
    """Graph judges whole days in the mailbox's zone, which it does not tell: ask for more, and judge them here."""
    begin, end = window
    if reading.after is not None:
        begin = max(begin, instant(reading.after.number) - timedelta(seconds=1))
    return view(
        *("me", "calendars", decode(held.calendar.id).provider_ids[0], "calendarView"),
        plain={"startDateTime": _utc(begin - FARTHEST_ZONE), "endDateTime": _utc(end + FARTHEST_ZONE)},
        orderby="start/dateTime",
        select=events.EVENT,
        top=LARGEST_PAGE if query else min(reading.limit + SPARE, LARGEST_PAGE),
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
