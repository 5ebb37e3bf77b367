"""Outlook's events and calendars as the office knows them.

Times are asked for in UTC; a whole day then begins at midnight UTC, whichever zone it was planned in.
https://learn.microsoft.com/graph/api/resources/event and https://learn.microsoft.com/graph/api/resources/calendar
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from lib.accounts.models import Account
from lib.office.bodies import notes
from lib.office.calling import Json
from lib.office.identifiers import decode, encode
from lib.office.invisible import line
from lib.office.meetings import links_in, secure
from lib.office.merge import Place, milliseconds
from lib.office.microsoft.parties import party
from lib.office.microsoft.recurrence import rules
from lib.office.microsoft.zones import iana
from lib.office.models import Access, Attendee, Calendar, Event, EventStatus, Party, Response
from lib.office.queries import phrases
from lib.office.zones import UTC_NAME, zone

CALENDAR = "id,name,isDefaultCalendar,canEdit,canViewPrivateItems,owner"
EVENT = (
    "id,subject,body,start,end,isAllDay,isCancelled,isOrganizer,originalStartTimeZone,originalStart,showAs,sensitivity,"
    "responseStatus,attendees,hideAttendees,organizer,location,onlineMeeting,onlineMeetingUrl,webLink,seriesMasterId,"
    "recurrence,iCalUId"
)
"""Not the date of its last change, which Graph gives in views only to those who select nothing:
https://learn.microsoft.com/graph/api/calendar-list-calendarview#query-parameters
"""
MOST_ATTENDEES = 100

_RESPONSES = {
    "organizer": Response.ACCEPTED,
    "accepted": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentativelyAccepted": Response.TENTATIVE,
}
_LEAVES_TIME = {"free", "workingElsewhere"}
_SECRET = {"private", "confidential"}


@dataclass(frozen=True)
class Held:
    """A calendar; `own` if what Graph says of "the person" in its events is said of the account's owner."""

    calendar: Calendar
    email: str
    own: bool
    shows_private: bool


def held(account: Account, entry: Json, default: Json) -> Held:
    """A calendar of the mailbox, whose default calendar tells by what address its owner goes there.

    A calendar's time zone is a setting of the mailbox, which takes a scope of its own.
    """
    owner = _address(entry)
    own = owner in (account.email.casefold(), _address(default))
    editable = bool(entry.get("canEdit"))
    calendar = Calendar(
        id=encode(account.id, entry["id"]),
        account_id=account.id,
        name=line(entry.get("name") or ""),
        zone=UTC_NAME,
        primary=bool(entry.get("isDefaultCalendar")),
        access=(Access.OWNER if own else Access.WRITER) if editable else Access.READER,
    )
    return Held(calendar, owner, own, own or bool(entry.get("canViewPrivateItems")))


def is_there(resource: Json) -> bool:
    """Whether it takes place."""
    return not resource.get("isCancelled")


def place(resource: Json) -> Place:
    """Where an event stands among the others: by its start, a whole day's at midnight UTC."""
    return Place.of(milliseconds(_instant(resource["start"])), str(resource["id"]))


def overlaps(resource: Json, window: tuple[datetime, datetime]) -> bool:
    """Whether it takes place in the window, a whole day in the zone in which the window begins."""
    begin, end = window
    first, last = _instant(resource["start"]), _instant(resource["end"])
    if resource["isAllDay"]:
        first, last = (datetime.combine(moment.date(), time(), begin.tzinfo) for moment in (first, last))
    return first < end and max(last, first + timedelta(microseconds=1)) > begin


def says(event: Event, query: str) -> bool:
    """Whether every word of the query occurs in the event; Graph does not search in calendar views."""
    people = [*event.attendees, *([event.organizer] if event.organizer else [])]
    texts = [event.title, event.notes or "", event.location or "", *(f"{each.name} {each.email}" for each in people)]
    held_text = "\n".join(texts).casefold()
    wanted = phrases(query)
    return bool(wanted) and all(phrase.casefold() in held_text for phrase in wanted)


def event(shown_in: Held, resource: Json) -> Event:
    """The event as the office knows it."""
    calendar = shown_in.calendar
    account_id, (calendar_id,) = (named := decode(calendar.id)).account_id, named.provider_ids
    planned, all_day = iana(resource.get("originalStartTimeZone")), bool(resource["isAllDay"])
    organizer = party(resource.get("organizer"))
    entries = resource.get("attendees") or []
    response = _response(resource.get("responseStatus")) if shown_in.own and entries else None
    master, original = resource.get("seriesMasterId"), resource.get("originalStart")
    held_body = resource.get("body") or {}
    own_plan = shown_in.own and bool(resource.get("isOrganizer"))
    return Event(
        id=encode(account_id, calendar_id, resource["id"]),
        account_id=account_id,
        calendar_id=calendar.id,
        calendar_name=calendar.name,
        title=line(resource.get("subject") or ""),
        start=_shown(_instant(resource["start"]), planned, all_day=all_day),
        end=_shown(_instant(resource["end"]), planned, all_day=all_day),
        all_day=all_day,
        zone=planned,
        status=EventStatus.TENTATIVE if own_plan and resource.get("showAs") == "tentative" else EventStatus.CONFIRMED,
        busy=resource.get("showAs") not in _LEAVES_TIME,
        private=resource.get("sensitivity") in _SECRET and not shown_in.shows_private,
        my_response=response,
        attendees=[_attendee(entry, shown_in, organizer, response) for entry in entries[:MOST_ATTENDEES]],
        attendees_omitted=len(entries) > MOST_ATTENDEES or bool(resource.get("hideAttendees")),
        organizer=organizer,
        location=line((resource.get("location") or {}).get("displayName") or "") or None,
        notes=notes(str(held_body.get("content") or ""), is_html=held_body.get("contentType") == "html"),
        meeting_url=next(_meeting_urls(resource), None),
        html_link=secure(resource.get("webLink")),
        series_id=encode(account_id, calendar_id, master) if master else None,
        original_start=_shown(datetime.fromisoformat(original), planned, all_day=all_day) if original else None,
        recurrence=rules(resource["recurrence"], all_day=all_day) if resource.get("recurrence") else [],
        uid=resource.get("iCalUId"),
        etag=resource.get("@odata.etag"),
    )


def _instant(value: Json) -> datetime:
    return datetime.fromisoformat(value["dateTime"]).replace(tzinfo=UTC)


def _shown(moment: datetime, planned: str, *, all_day: bool) -> datetime | date:
    """An instant in the zone that it was planned in, or a date."""
    return moment.date() if all_day else moment.astimezone(zone(planned))


def _attendee(entry: Json, shown_in: Held, organizer: Party | None, response: Response | None) -> Attendee:
    who = party(entry) or Party(email="")
    is_me = shown_in.own and who.email.casefold() == shown_in.email
    return Attendee(
        **who.model_dump(),
        response=response if is_me and response else _response(entry.get("status")),
        organizer=organizer is not None and who.email.casefold() == organizer.email.casefold(),
        optional=entry.get("type") == "optional",
        is_me=is_me,
        is_resource=entry.get("type") == "resource",
    )


def _response(status: Json | None) -> Response:
    return _RESPONSES.get(str((status or {}).get("response")), Response.NONE)


def _address(calendar: Json) -> str:
    return str((calendar.get("owner") or {}).get("address") or "").casefold()


def _meeting_urls(resource: Json) -> Iterator[str]:
    """Where to meet, the surest first: Outlook's online meeting, then a known service's link in the location."""
    for candidate in [(resource.get("onlineMeeting") or {}).get("joinUrl"), resource.get("onlineMeetingUrl")]:
        if link := secure(candidate):
            yield link
    yield from links_in((resource.get("location") or {}).get("displayName") or "")
