"""A stored event as Graph's event, in the time zone and the form that a request prefers.

Source: https://learn.microsoft.com/graph/api/resources/event
"""

from datetime import UTC, date, datetime, time
from urllib.parse import quote

from scripts.local.microsoft.graph.calendar_store import StoredCalendar, StoredEvent
from scripts.local.microsoft.graph.message_resource import instant, recipient
from scripts.local.microsoft.graph.message_text import crlf, html_of, preview, text_of
from scripts.local.microsoft.graph.patterns import pattern_of
from scripts.local.microsoft.graph.preferences import Preferences
from scripts.local.provider.recurrence import Start
from scripts.local.provider.wire import Json

_NEVER = "0001-01-01T00:00:00Z"
_GLOBAL_ID = "040000008200E00074C5B7101A82E008"


def event_resource(calendar: StoredCalendar, event: StoredEvent, preferences: Preferences) -> Json:
    """Every property."""
    fields, identity = event.fields, calendar.event_id(event.key, preferences.immutable)
    change, master = calendar.change_key(event), event.master_key
    text, location = _text(event), {"displayName": fields["location"], "locationType": "default"}
    named = {"uniqueId": fields["location"], "uniqueIdType": "private"} if fields["location"] else {}
    link = fields["meeting"]
    answered = fields["response"] not in ("organizer", "none", "notResponded")
    resource: Json = {
        "@odata.etag": f'W/"{change}"',
        "id": identity,
        "createdDateTime": _precise(event.created),
        "lastModifiedDateTime": _precise(event.modified),
        "changeKey": change,
        "categories": fields["categories"],
        "transactionId": fields["transactionId"],
        "originalStartTimeZone": event.zone_names[0],
        "originalEndTimeZone": event.zone_names[1],
        "iCalUId": _global_id(event),
        "reminderMinutesBeforeStart": fields["reminderMinutesBeforeStart"],
        "isReminderOn": fields["isReminderOn"],
        "hasAttachments": False,
        "subject": fields["subject"],
        "bodyPreview": preview(text),
        "importance": fields["importance"],
        "sensitivity": fields["sensitivity"],
        "isAllDay": not isinstance(event.start, datetime),
        "isCancelled": fields["isCancelled"],
        "isOrganizer": fields["isOrganizer"],
        "responseRequested": True,
        "seriesMasterId": calendar.event_id(master, preferences.immutable) if master else None,
        "showAs": fields["showAs"],
        "type": event.type,
        "webLink": _web_link(identity),
        "onlineMeetingUrl": None,
        "isOnlineMeeting": bool(link),
        "onlineMeetingProvider": "teamsForBusiness" if link else "unknown",
        "allowNewTimeProposals": True,
        "isDraft": False,
        "hideAttendees": False,
        "recurrence": pattern_of(event.recurrence, event.start, event.zone_names[0]),
        "responseStatus": {
            "response": fields["response"],
            "time": instant(event.modified) if answered else _NEVER,
        },
        "body": {"contentType": preferences.body, "content": text if preferences.body == "text" else _html(event)},
        "start": shown(event.start, preferences),
        "end": shown(event.end, preferences),
        "location": location | named
        if named
        else {**location, "uniqueIdType": "unknown", "address": {}, "coordinates": {}},
        "locations": [location | named] if named else [],
        "attendees": [_attendee(one, event) for one in fields["attendees"]],
        "organizer": recipient((fields["organizer"]["name"], fields["organizer"]["address"])),
        "onlineMeeting": {"joinUrl": link} if link else None,
    }
    if event.original_start is not None:
        day = event.original_start
        resource["originalStart"] = _original(day)
        resource["occurrenceId"] = f"OID.{resource['seriesMasterId']}.{day:%Y-%m-%d}"
    return resource


def shown(value: Start, preferences: Preferences) -> Json:
    """A time in the zone asked for; a whole day begins at midnight in whichever zone that is."""
    if isinstance(value, datetime):
        local = value.astimezone(preferences.zone).replace(tzinfo=None)
    else:
        local = datetime.combine(value, time())
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": preferences.zone_name}


def _web_link(identity: str) -> str:
    return f"https://outlook.live.com/owa/?itemid={quote(identity, safe='')}&exvsurl=1&path=/calendar/item"


def _precise(moment: datetime) -> str:
    """Events carry fractions of a second, to a tenth of a microsecond."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def _original(value: Start) -> str:
    return instant(value) if isinstance(value, datetime) else f"{value:%Y-%m-%d}T00:00:00Z"


def _text(event: StoredEvent) -> str:
    html: str | None = event.fields.get("html")
    return crlf(event.fields["text"]) if html is None else text_of(html)


def _html(event: StoredEvent) -> str:
    html: str | None = event.fields.get("html")
    return html_of(event.fields["text"]) if html is None else html


def _global_id(event: StoredEvent) -> str:
    """The id that all calendars share; an occurrence's tells its day. Source: MS-OXOCAL, 2.2.1.27"""
    day: date | None = event.original_start
    stamp = f"{day.year:04X}{day.month:02X}{day.day:02X}" if day is not None else "00000000"
    return f"{_GLOBAL_ID}{stamp}{(event.master_key or event.key).encode().hex().upper()[:64]}"


def _attendee(one: Json, event: StoredEvent) -> Json:
    answered = one["response"] not in ("none", "notResponded")
    return {
        "type": one.get("type", "required"),
        "status": {
            "response": "none" if one["response"] == "notResponded" else one["response"],
            "time": instant(event.modified) if answered else _NEVER,
        },
        **recipient((one["name"], one["address"])),
    }
