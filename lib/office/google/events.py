"""Google's events and calendars as the office knows them.

https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lib.accounts.models import Account
from lib.office.identifiers import decode, encode
from lib.office.invisible import line, paragraphs
from lib.office.merge import Place
from lib.office.models import Access, Attendee, Calendar, Event, EventStatus, Party, Response
from lib.office.visible import visible

Json = dict[str, Any]

MOST_NOTES_CHARACTERS = 20_000

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
_LINK = re.compile(r"https://[^\s<>\"']+")
_MEETING_HOSTS = ("meet.google.com", "zoom.us", "teams.microsoft.com", "teams.live.com", "webex.com", "whereby.com")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def calendar(account: Account, entry: Json) -> Calendar:
    """An entry of the person's list of calendars."""
    primary = bool(entry.get("primary"))
    return Calendar(
        id=encode(account.id, entry["id"]),
        account_id=account.id,
        name=line(entry.get("summaryOverride") or entry.get("summary", "")),
        zone=entry.get("timeZone", "UTC"),
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
        start = datetime.combine(start, time(), _zone(shown_in.zone))
    return Place.of((start - _EPOCH) // timedelta(milliseconds=1), str(resource["id"]))


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
        notes=_notes(resource.get("description", "")) or None,
        meeting_url=next(_meeting_urls(resource), None),
        html_link=_https(resource.get("htmlLink")),
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
    zone = _zone(value.get("timeZone") or calendar_zone)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


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


def _notes(description: str) -> str:
    """Google's descriptions are text or simple HTML; neither says which."""
    if _LOOKS_LIKE_HTML.search(description):
        description = visible(description.replace("\n", "<br>"), with_html=False).text
    return paragraphs(description)[:MOST_NOTES_CHARACTERS]


def _meeting_urls(resource: Json) -> Iterator[str]:
    """Where to meet, the surest first: the conference of the event, then a known service's link in the location."""
    entries = resource.get("conferenceData", {}).get("entryPoints", [])
    videos = [entry.get("uri") for entry in entries if entry.get("entryPointType") == "video"]
    for candidate in [*videos, resource.get("hangoutLink")]:
        if link := _https(candidate):
            yield link
    for candidate in _LINK.findall(resource.get("location", "")):
        host = urlsplit(candidate).hostname or ""
        if any(host == known or host.endswith(f".{known}") for known in _MEETING_HOSTS):
            yield candidate


def _https(link: str | None) -> str | None:
    return link if link and link.startswith("https://") else None
