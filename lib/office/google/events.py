"""Google's events and calendars as the office knows them.

https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time

from lib.accounts.models import Account
from lib.office.bodies import notes
from lib.office.calling import Json
from lib.office.identifiers import decode, encode
from lib.office.invisible import line
from lib.office.meetings import links_in, secure
from lib.office.merge import Place, milliseconds
from lib.office.models import Access, Attendee, Calendar, Event, EventStatus, Party, Response
from lib.office.zones import UTC_NAME, zone

_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentative": Response.TENTATIVE,
    "needsAction": Response.NONE,
}
_ACCESS = {
    "owner": Access.OWNER,
    "writer": Access.WRITER,
    "writerWithoutPrivateAccess": Access.WRITER,
    "reader": Access.READER,
    "freeBusyReader": Access.BUSY_TIMES,
}
_LOOKS_LIKE_HTML = re.compile(r"<(?:[a-z][a-z0-9]*(?:\s[^<>]*)?/?|/[a-z][a-z0-9]*)>", re.IGNORECASE)


def calendar(account: Account, entry: Json) -> Calendar:
    """An entry of the person's list of calendars."""
    primary = bool(entry.get("primary"))
    return Calendar(
        id=encode(account.id, entry["id"]),
        account_id=account.id,
        name=line(entry.get("summaryOverride") or entry.get("summary", "")),
        zone=entry.get("timeZone", UTC_NAME),
        primary=primary,
        access=_ACCESS.get(entry.get("accessRole", ""), Access.READER),
        shown=(primary or bool(entry.get("selected"))) and not entry.get("hidden"),
    )


def is_there(resource: Json) -> bool:
    """Whether it is an event to show, rather than the trace of one that was cancelled."""
    return resource.get("status") != "cancelled" and "start" in resource


def place(shown_in: Calendar, resource: Json) -> Place:
    """Where an event stands among the others: by its start, a whole day's at midnight in the calendar's zone."""
    start = _moment(resource["start"], shown_in.zone)
    if not isinstance(start, datetime):
        start = datetime.combine(start, time(), zone(shown_in.zone))
    return Place.of(milliseconds(start), str(resource["id"]))


def event(shown_in: Calendar, resource: Json) -> Event:
    """The event as the office knows it."""
    account_id, (calendar_id,) = (named := decode(shown_in.id)).account_id, named.provider_ids
    start = _moment(resource["start"], shown_in.zone)
    attendees = [_attendee(entry) for entry in resource.get("attendees", [])]
    master = resource.get("recurringEventId")
    original = resource.get("originalStartTime")
    return Event(
        id=encode(account_id, calendar_id, resource["id"]),
        account_id=account_id,
        calendar_id=shown_in.id,
        calendar_name=shown_in.name,
        title=line(resource.get("summary", "")),
        start=start,
        end=_moment(resource["end"], shown_in.zone),
        all_day=not isinstance(start, datetime),
        zone=resource["start"].get("timeZone", shown_in.zone),
        status=EventStatus.TENTATIVE if resource.get("status") == "tentative" else EventStatus.CONFIRMED,
        busy=resource.get("transparency") != "transparent",
        private="summary" not in resource and shown_in.access is Access.BUSY_TIMES,
        my_response=next((attendee.response for attendee in attendees if attendee.is_me), None),
        attendees=attendees,
        attendees_omitted=bool(resource.get("attendeesOmitted")),
        organizer=_party(resource["organizer"]) if "organizer" in resource else None,
        location=line(resource.get("location", "")) or None,
        notes=_notes(resource.get("description", "")),
        meeting_url=next(_meeting_urls(resource), None),
        html_link=secure(resource.get("htmlLink")),
        series_id=encode(account_id, calendar_id, master) if master else None,
        original_start=_moment(original, shown_in.zone) if original else None,
        recurrence=[str(rule) for rule in resource.get("recurrence", [])],
        uid=resource.get("iCalUID"),
        etag=resource.get("etag"),
        updated=datetime.fromisoformat(resource["updated"]) if "updated" in resource else None,
    )


def _moment(value: Json, calendar_zone: str) -> datetime | date:
    """An instant in the zone that it was planned in, or a date."""
    if "date" in value:
        return date.fromisoformat(value["date"])
    moment = datetime.fromisoformat(value["dateTime"])
    planned = zone(value.get("timeZone") or calendar_zone)
    return moment.replace(tzinfo=planned) if moment.tzinfo is None else moment.astimezone(planned)


def _party(entry: Json) -> Party:
    return Party(name=line(entry.get("displayName", "")), email=line(entry.get("email", "")))


def _attendee(entry: Json) -> Attendee:
    return Attendee(
        **_party(entry).model_dump(),
        response=_RESPONSES.get(entry.get("responseStatus", ""), Response.NONE),
        organizer=bool(entry.get("organizer")),
        optional=bool(entry.get("optional")),
        is_me=bool(entry.get("self")),
        is_resource=bool(entry.get("resource")),
    )


def _notes(description: str) -> str | None:
    """Google's descriptions are text or simple HTML; neither says which."""
    is_html = _LOOKS_LIKE_HTML.search(description) is not None
    return notes(description.replace("\n", "<br>") if is_html else description, is_html=is_html)


def _meeting_urls(resource: Json) -> Iterator[str]:
    """Where to meet, the surest first: the conference of the event, then a known service's link in the location."""
    entries = resource.get("conferenceData", {}).get("entryPoints", [])
    videos = [entry.get("uri") for entry in entries if entry.get("entryPointType") == "video"]
    for candidate in [*videos, resource.get("hangoutLink")]:
        if link := secure(candidate):
            yield link
    yield from links_in(resource.get("location", ""))
