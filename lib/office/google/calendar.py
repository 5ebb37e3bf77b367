"""Reading Google calendars.

https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.accounts.models import Account
from lib.core.errors import NotFound, Problem
from lib.core.store import UserId
from lib.office.calling import Caller, Json, required
from lib.office.google import events
from lib.office.google.client import CALENDAR, Call, GoogleClient
from lib.office.identifiers import decode, encode
from lib.office.merge import Ended, Stretch, instant
from lib.office.models import Access, Calendar, Event
from lib.office.ports import PositionOf
from lib.office.reading import Reading
from lib.office.zones import UTC_NAME

LARGEST_PAGE = 250
MOST_ATTENDEES = 100

# events.list takes these scopes too, calendarList.list does not: then only the primary calendar can be read.
_LISTING_SCOPES = {
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar.calendarlist",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
}
_EVENT_ID = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_@.\-]{0,1023}")
_CALENDAR_ID = re.compile(r"[^\s/.\x00-\x1f][^\s/\x00-\x1f]{0,255}")


@dataclass
class _Reading:
    """How far the reading of one calendar has come."""

    calendar: Calendar
    events: Reading[Event]
    token: str | None = None


class GoogleCalendar:
    """The calendars of one Google account (`lib.office.ports.CalendarReader`)."""

    def __init__(self, person: UserId, account: Account, client: GoogleClient | None = None) -> None:
        self._account = account
        self._client = client or GoogleClient(CALENDAR, Caller(person, account))

    def calendars(self) -> list[Calendar]:
        """The calendars in the person's list, or the primary one where that is all that the person allowed."""
        if not _LISTING_SCOPES & set(self._account.scopes):
            self._client.require_consent()
            return [self._primary()]
        entries: list[Json] = []
        token: str | None = None
        while True:
            parameters = {"pageToken": token} if token else {}
            call = self._client.methods.calendarList().list(maxResults=LARGEST_PAGE, **parameters)
            answer = self._client.call(call)
            entries += answer.get("items", [])
            token = answer.get("nextPageToken")
            if token is None:
                return [events.calendar(self._account, entry) for entry in entries if not entry.get("deleted")]

    def pages(
        self, window: tuple[datetime, datetime], query: str | None, after: PositionOf, limit: int
    ) -> Mapping[str, Stretch[Event] | Problem]:
        """As the port has it: one round trip for the list of calendars, one for all calendars' events.

        Google's pages may be short or empty, so that a calendar is asked on until it has enough or ends.
        """
        outcomes: dict[str, Stretch[Event] | Problem] = {}
        readings: list[_Reading] = []
        for calendar in self.calendars():
            position = after(calendar.id)
            if calendar.shown and not isinstance(position, Ended):
                readings.append(_Reading(calendar, Reading(position, limit)))
            elif calendar.shown:
                outcomes[calendar.id] = Stretch([], ended=True)
        while readings:
            calls = [self._list_call(reading, window, query, limit) for reading in readings]
            for reading, answer in zip(list(readings), self._client.batch(calls), strict=True):
                if isinstance(answer, Problem):
                    outcomes[reading.calendar.id] = answer
                    readings.remove(reading)
                elif _is_enough(reading, answer):
                    outcomes[reading.calendar.id] = reading.events.stretch()
                    readings.remove(reading)
        return outcomes

    def event(self, calendar_id: str, event_id: str) -> Event:
        """One event. Raises `NotFound`."""
        if not _EVENT_ID.fullmatch(event_id) or not _CALENDAR_ID.fullmatch(calendar_id):
            raise NotFound()
        methods = self._client.methods
        calls = [methods.events().get(calendarId=calendar_id, eventId=event_id, maxAttendees=MOST_ATTENDEES)]
        listing = bool(_LISTING_SCOPES & set(self._account.scopes))
        if listing:
            calls.append(methods.calendarList().get(calendarId=calendar_id))
        resource, *entries = [required(answer) for answer in self._client.batch(calls)]
        if not events.is_there(resource):
            raise NotFound()
        return events.event(
            events.calendar(self._account, entries[0]) if entries else self._primary(calendar_id), resource
        )

    def _primary(self, calendar_id: str = "primary") -> Calendar:
        """The primary calendar as far as it is known without reading the list: it is called like the account."""
        return Calendar(
            id=encode(self._account.id, calendar_id),
            account_id=self._account.id,
            name=self._account.email,
            zone="UTC",
            primary=True,
            access=Access.OWNER,
        )

    def _list_call(self, reading: _Reading, window: tuple[datetime, datetime], query: str | None, limit: int) -> Call:
        """Events whose end lies after the position's start are a little more than wanted, and include all wanted."""
        begin, end = window
        if reading.events.after is not None:
            begin = max(begin, instant(reading.events.after.number) - timedelta(seconds=1))
        optional = {"q": query, "pageToken": reading.token}
        return self._client.methods.events().list(
            calendarId=decode(reading.calendar.id).provider_ids[0],
            timeMin=_rfc3339(begin),
            timeMax=_rfc3339(end),
            singleEvents=True,
            orderBy="startTime",
            maxResults=min(limit + 1, LARGEST_PAGE),
            maxAttendees=MOST_ATTENDEES,
            **{name: value for name, value in optional.items() if value},
        )


def _is_enough(reading: _Reading, answer: Json) -> bool:
    """Take in a page; whether the calendar has now given as many events as asked for, or all."""
    if reading.calendar.zone == UTC_NAME:
        reading.calendar = reading.calendar.model_copy(update={"zone": answer.get("timeZone", UTC_NAME)})
    for resource in answer.get("items", []):
        if events.is_there(resource):
            place = events.place(reading.calendar, resource)
            if reading.events.reach(place):
                reading.events.keep(place, events.event(reading.calendar, resource))
    reading.token = answer.get("nextPageToken")
    reading.events.ended = reading.token is None
    return reading.events.is_enough


def _rfc3339(moment: datetime) -> str:
    """Google reads milliseconds at most; times are given in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
