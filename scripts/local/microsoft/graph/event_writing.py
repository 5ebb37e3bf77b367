"""Writing events, as another application of the person's does: create, change, delete.

A transactionId makes creating repeatable: the event that the first request made is answered again.
Sources: https://learn.microsoft.com/graph/api/user-post-events, https://learn.microsoft.com/graph/api/event-update and
https://learn.microsoft.com/graph/api/event-delete
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time
from typing import Any

import orjson

from scripts.local import clock
from scripts.local.microsoft.graph.calendar_store import StoredCalendar, StoredEvent
from scripts.local.microsoft.graph.calendars import calendar_of
from scripts.local.microsoft.graph.errors import GraphError, access_denied, bad_request
from scripts.local.microsoft.graph.event_resource import event_resource
from scripts.local.microsoft.graph.events import event_of
from scripts.local.microsoft.graph.patterns import lines_of
from scripts.local.microsoft.graph.properties import EVENT
from scripts.local.microsoft.graph.query_options import read_options
from scripts.local.microsoft.graph.request import GraphRequest
from scripts.local.microsoft.graph.time_zones import zone_of
from scripts.local.people.models import Person
from scripts.local.provider.recurrence import Start
from scripts.local.provider.wire import Answer, Json

_RESPONSES = ("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded")
_CHOICES = {
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "importance": ("low", "normal", "high"),
}
_WRITABLE = frozenset(
    (
        *_CHOICES,
        *("subject", "body", "start", "end", "isAllDay", "location", "locations", "attendees", "categories"),
        *("reminderMinutesBeforeStart", "isReminderOn", "recurrence", "transactionId", "isOnlineMeeting"),
        *("onlineMeetingProvider", "responseRequested", "allowNewTimeProposals", "hideAttendees"),
    )
)


def create_event(request: GraphRequest) -> Answer:
    """POST /me/events, POST /me/calendars/{calendar}/events"""
    read_options(request.call, EVENT, ())
    calendar = _editable(calendar_of(request))
    body = read_body(request)
    transaction = body.get("transactionId")
    for event in calendar.events.values():
        if transaction is not None and event.fields["transactionId"] == transaction:
            return _answer(request, calendar, event, 201)
    if not {"start", "end"} <= body.keys():
        raise bad_request("At least one of 'Start' or 'End' is missing.", "ErrorPropertyValidationFailure")
    blank = new_event(request.account.person, f"e{uuid.uuid4().hex}")
    return _answer(request, calendar, calendar.put(changed(blank, body)), 201)


def update_event(request: GraphRequest) -> Answer:
    """PATCH …/events/{event}: an occurrence that is changed becomes an exception."""
    read_options(request.call, EVENT, ())
    calendar, event = event_of(request)
    body = read_body(request)
    return _answer(request, calendar, _editable(calendar).put(changed(event, body)), 200)


def delete_event(request: GraphRequest) -> Answer:
    """DELETE …/events/{event}"""
    read_options(request.call, EVENT, ())
    calendar, event = event_of(request)
    _editable(calendar).remove(event)
    return Answer(204)


def read_body(request: GraphRequest) -> Json:
    """The properties in the body. Raises GraphError for what is no event."""
    try:
        body = orjson.loads(request.call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request("Unable to read JSON request payload.")
    for name in body:
        if name not in _WRITABLE and not name.startswith("@odata"):
            known = name in EVENT.properties
            raise bad_request(
                f"The property '{name}' is read-only."
                if known
                else f"The property '{name}' does not exist on type '{EVENT.name}'. "
                "Make sure to only use property names that are defined by the type.",
                "ErrorInvalidRequest" if known else "RequestBodyRead",
            )
    return body


def new_event(person: Person, key: str) -> StoredEvent:
    """An event of the person's own about which nothing is said yet."""
    now = clock.now()
    fields: Json = {
        "subject": "",
        "text": "",
        "location": "",
        "attendees": [],
        "organizer": {"name": person.name, "address": person.email},
        "response": "organizer",
        "isOrganizer": True,
        "isCancelled": False,
        "showAs": "busy",
        "sensitivity": "normal",
        "importance": "normal",
        "categories": [],
        "meeting": None,
        "transactionId": None,
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": True,
    }
    return StoredEvent(key, now, now, ("UTC", "UTC"), fields, now, now)


def changed(event: StoredEvent, body: Json) -> StoredEvent:
    """The event with the given properties in the place of its own. Raises GraphError for values that are none."""
    fields = dict(event.fields)
    for name, value in body.items():
        if name in _CHOICES and value not in _CHOICES[name]:
            raise bad_request(f"Cannot convert the literal '{value}' to the expected type '{name}'.", "RequestBodyRead")
        if name in _READERS:
            fields |= _well_formed(name, _READERS[name], value)
        elif name in fields:
            fields[name] = value
    all_day = body.get("isAllDay", not isinstance(event.start, datetime))
    start, start_zone = _moment(body.get("start"), event.start, event.zone_names[0], all_day)
    end, end_zone = _moment(body.get("end"), event.end, event.zone_names[1], all_day)
    if isinstance(start, datetime) != isinstance(end, datetime) or end < start:
        raise bad_request("The event's end is before its start.", "ErrorPropertyValidationFailure")
    pattern = body.get("recurrence")
    lines = lines_of(pattern, start) if pattern else event.recurrence if "recurrence" not in body else ()
    return replace(
        event,
        start=start,
        end=end,
        zone_names=(start_zone, end_zone),
        fields=fields,
        recurrence=lines,
        occurrence=False,
    )


def _moment(value: Json | None, before: Start, zone_name: str, all_day: bool) -> tuple[Start, str]:
    """A time with the zone that it is given in; midnight, and nothing else, begins a whole day."""
    if value is None and all_day != isinstance(before, datetime):
        return before, zone_name
    if value is None:
        raise bad_request("The event's start and end must be given when isAllDay changes.", "ErrorInvalidRequest")
    if not isinstance(value, dict) or not isinstance(value.get("dateTime"), str) or not value.get("timeZone"):
        raise bad_request("The time zone or the time is missing.", "ErrorPropertyValidationFailure")
    zone = zone_of(str(value["timeZone"]))
    try:
        moment = datetime.fromisoformat(value["dateTime"])
    except ValueError:
        raise bad_request("Cannot convert a value to target type 'Edm.DateTime'.", "RequestBodyRead") from None
    moment = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    if not all_day:
        return moment, str(value["timeZone"])
    if moment.time() != time():
        message = "The Event.Start property for an all-day event needs to be set to midnight."
        raise bad_request(message, "ErrorPropertyValidationFailure")
    return moment.date(), str(value["timeZone"])


def _editable(calendar: StoredCalendar) -> StoredCalendar:
    if not calendar.editable:
        raise access_denied()
    return calendar


def _answer(request: GraphRequest, calendar: StoredCalendar, event: StoredEvent, status: int) -> Answer:
    resource = event_resource(calendar, event, request.preferences)
    return request.answer({"@odata.context": request.context("events/$entity"), **resource}, status)


def _well_formed(name: str, read: Callable[[Any], Json], value: Any) -> Json:
    try:
        return read(value)
    except (AttributeError, KeyError, TypeError):
        raise GraphError(400, "RequestBodyRead", f"The value of the property '{name}' is not valid.") from None


def _body(value: Any) -> Json:
    content = str(value["content"])
    return {"html": content} if value.get("contentType", "text").lower() == "html" else {"html": None, "text": content}


def _location(value: Any) -> Json:
    return {"location": str(value.get("displayName", "")) if value else ""}


def _locations(value: Any) -> Json:
    return _location(value[0] if value else None)


def _attendees(value: Any) -> Json:
    return {
        "attendees": [
            {
                "name": one["emailAddress"].get("name") or one["emailAddress"]["address"],
                "address": one["emailAddress"]["address"],
                "type": one.get("type", "required"),
                "response": "none",
            }
            for one in value
        ]
    }


def _meeting(value: Any) -> Json:
    link = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{uuid.uuid4().hex}%40thread.v2/0"
    return {"meeting": link if value else None}


_READERS: dict[str, Callable[[Any], Json]] = {
    "body": _body,
    "location": _location,
    "locations": _locations,
    "attendees": _attendees,
    "isOnlineMeeting": _meeting,
}
