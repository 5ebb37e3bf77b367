"""Calendar: adding an event.

Source: https://developers.google.com/workspace/calendar/api/v3/reference/events/insert
"""

import re
import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from scripts.local import clock
from scripts.local.google import event_resource, event_times
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.calendar_events import shown
from scripts.local.google.calendar_lists import asked_calendar, time_range_empty, zone_of
from scripts.local.google.calendar_store import StoredCalendar
from scripts.local.google.errors import ApiError
from scripts.local.google.schema import is_date_time
from scripts.local.provider.recurrence import InvalidRecurrence, starts
from scripts.local.provider.wire import Json

_OWN_ID = re.compile(r"[a-v0-9]{5,1024}")
_NEW_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_WRITERS = ("owner", "writer", "writerWithoutPrivateAccess")
_READ_ONLY = (
    "kind",
    "etag",
    "htmlLink",
    "created",
    "updated",
    "creator",
    "organizer",
    "hangoutLink",
    "recurringEventId",
    "originalStartTime",
    "attendeesOmitted",
    "endTimeUnspecified",
    "locked",
    "privateCopy",
    "iCalUID",
)


def insert_event(request: ApiRequest) -> Json:
    """calendar.events.insert: 409 if the caller's own id is taken."""
    calendar = asked_calendar(request)
    if calendar.access_role not in _WRITERS:
        raise ApiError(403, "requiredAccessLevel", "You need to have writer access to this calendar.")
    body = {name: value for name, value in request.body.items() if name not in _READ_ONLY}
    if request.parameters.number("conferenceDataVersion", 0) == 0:
        body.pop("conferenceData", None)
    event_id = _checked_id(calendar, body)
    _check_times(calendar, body)
    created = event_times.rfc3339_milliseconds(clock.now())
    resource = {
        "kind": "calendar#event",
        "status": "confirmed",
        "htmlLink": event_resource.html_link(event_id, calendar.owner),
        "created": created,
        "creator": event_resource.someone(calendar.owner, calendar.owner),
        "organizer": _organizer(calendar),
        "iCalUID": f"{event_id}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
        **body,
        "id": event_id,
    }
    if "attendees" in resource:
        resource["attendees"] = [_attendee(attendee, calendar.owner) for attendee in resource["attendees"]]
    return shown(request, calendar, calendar.put(resource).resource)


def _organizer(calendar: StoredCalendar) -> Json:
    """The calendar itself: its owner if it is the primary one."""
    if calendar.primary:
        return event_resource.someone(calendar.owner, calendar.owner)
    return {"email": calendar.id, "displayName": calendar.summary, "self": True}


def _attendee(attendee: Json, owner: str) -> Json:
    kept = {name: value for name, value in attendee.items() if name not in ("self", "organizer", "id")}
    if "email" not in kept:
        raise ApiError(400, "required", "Missing attendee email.")
    marks = {"self": True, "organizer": True} if kept["email"] == owner else {}
    return {"responseStatus": "needsAction", **kept, **marks}


def _checked_id(calendar: StoredCalendar, body: Json) -> str:
    event_id = body.get("id")
    if event_id is None:
        return "".join(secrets.choice(_NEW_ID_ALPHABET) for _ in range(26))
    if not _OWN_ID.fullmatch(event_id):
        raise ApiError(400, "invalid", "Invalid resource id value.")
    if event_id in calendar.events:
        raise ApiError(409, "duplicate", "The requested identifier already exists.")
    return str(event_id)


def _check_times(calendar: StoredCalendar, body: Json) -> None:
    """Both ends, of one kind, in order; a series of timed events names its zone and holds valid rules."""
    for name in ("start", "end"):
        if not body.get(name):
            raise ApiError(400, "required", f"Missing {name} time.")
        body[name] = _with_offset(body[name], name, calendar.zone, bool(body.get("recurrence")))
    if ("date" in body["start"]) != ("date" in body["end"]):
        raise ApiError(400, "invalid", "Start and end times must either both be date or both be dateTime.")
    begin, end = calendar.bounds(body)
    if end < begin or (end == begin and "date" in body["start"]):
        raise time_range_empty()
    if body.get("recurrence"):
        try:
            first = event_times.read(body["start"], calendar.zone)
            next(starts(tuple(body["recurrence"]), first, begin), None)
        except InvalidRecurrence:
            raise ApiError(400, "invalid", "Invalid recurrence rule.") from None
    else:
        body.pop("recurrence", None)


def _with_offset(value: Json, name: str, calendar_zone: ZoneInfo, recurring: bool) -> Json:
    """The time with an offset; a local one needs its zone, as a recurring one does."""
    if "date" in value:
        return {"date": value["date"]}
    if "dateTime" not in value:
        raise ApiError(400, "required", f"Missing {name} time.")
    if not is_date_time(value["dateTime"]) and not is_date_time(f"{value['dateTime']}Z"):
        raise ApiError(400, "invalid", f'Invalid value for: Invalid format: "{value["dateTime"]}"')
    moment = datetime.fromisoformat(value["dateTime"].upper())
    if "timeZone" not in value and (recurring or moment.tzinfo is None):
        raise ApiError(400, "required", f"Missing time zone definition for {name} time.")
    zone = zone_of(value["timeZone"], f"{name}.timeZone") if "timeZone" in value else calendar_zone
    local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    return event_times.write(local, zone.key)


HANDLERS: dict[str, Handler] = {"calendar.events.insert": insert_event}
