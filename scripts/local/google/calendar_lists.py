"""Calendar: the list of calendars, a calendar's own metadata, settings, and free/busy.

Sources: https://developers.google.com/workspace/calendar/api/v3/reference/calendarList, …/calendars/get,
…/settings/get, …/freebusy/query
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from scripts.local.google import event_times, pages
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.calendar_store import StoredCalendar
from scripts.local.google.errors import ApiError, calendar_not_found, invalid_argument
from scripts.local.google.occurrences import occurrences
from scripts.local.provider.wire import Json

_ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
_FREE_BUSY_MAXIMUM = 50
_MAXIMUM_PAGE = 250


def asked_calendar(request: ApiRequest, calendar_id: str | None = None) -> StoredCalendar:
    """The calendar of `calendarId`; 404 if the person has no such."""
    name = request.parameters.required("calendarId") if calendar_id is None else calendar_id
    calendar = request.account.calendars.find(name)
    if calendar is None:
        raise calendar_not_found()
    return calendar


def zone_of(name: str, parameter: str = "timeZone") -> ZoneInfo:
    """The zone of an IANA name; 400 if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ApiError(400, "invalid", "Invalid time zone.", location=("parameter", parameter)) from None


def _etag(*parts: object) -> str:
    return f'"{pages.fingerprint(*parts)}"'


def _entry(calendar: StoredCalendar) -> Json:
    entry: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": _etag(calendar.id, calendar.summary, calendar.access_role),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone.key,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": calendar.access_role,
        "defaultReminders": [{"method": "popup", "minutes": 10}] if calendar.primary else [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    return entry | {"primary": True} if calendar.primary else entry


def list_calendars(request: ApiRequest) -> Json:
    """calendar.calendarList.list"""
    parameters = request.parameters
    if "syncToken" in parameters.given:
        return _changed_calendars(request)
    least = parameters.text("minAccessRole")
    allowed = _ROLES[_ROLES.index(least) :] if least else _ROLES
    calendars = sorted(
        (entry for entry in request.account.calendars.calendars.values() if entry.access_role in allowed),
        key=lambda entry: entry.id,
    )
    query = pages.fingerprint("calendarList", request.account.email, least)
    start = 0
    if token := parameters.text("pageToken"):
        start = sum(calendar.id <= _position(query, token) for calendar in calendars)
    size = min(parameters.number("maxResults", 100), _MAXIMUM_PAGE)
    chosen = calendars[start : start + size]
    answer = _calendar_list(request, chosen)
    if start + size < len(calendars):
        return answer | {"nextPageToken": pages.write(query, pages.Position(chosen[-1].id, 0, 0))}
    return answer | {"nextSyncToken": _list_sync_token(request)}


def _position(query: str, token: str) -> str:
    try:
        return str(pages.read(query, token).after)
    except pages.InvalidToken:
        raise invalid_argument("Invalid page token value.") from None


def _list_sync_token(request: ApiRequest) -> str:
    return pages.write(pages.fingerprint("calendarList", request.account.email), pages.Position(None, 0, 0))


def _calendar_list(request: ApiRequest, calendars: list[StoredCalendar]) -> Json:
    items = [_entry(calendar) for calendar in calendars]
    return {"kind": "calendar#calendarList", "etag": _etag(request.account.email, items), "items": items}


def _changed_calendars(request: ApiRequest) -> Json:
    """The list itself never changes here, so that nothing has changed since any token."""
    if "minAccessRole" in request.parameters.given:
        raise ApiError(400, "badRequest", "Sync token cannot be used with other request restrictions")
    if request.parameters.required("syncToken") != _list_sync_token(request):
        raise full_sync_required()
    return _calendar_list(request, []) | {"nextSyncToken": _list_sync_token(request)}


def full_sync_required() -> ApiError:
    """410: https://developers.google.com/workspace/calendar/api/guides/sync#full_sync_required_by_server"""
    return ApiError(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        location=("parameter", "syncToken"),
    )


def get_list_entry(request: ApiRequest) -> Json:
    """calendar.calendarList.get"""
    return _entry(asked_calendar(request))


def get_calendar(request: ApiRequest) -> Json:
    """calendar.calendars.get"""
    calendar = asked_calendar(request)
    resource = {
        "kind": "calendar#calendar",
        "etag": _etag(calendar.id, calendar.summary),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone.key,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    return resource if calendar.primary else resource | {"dataOwner": calendar.owner}


def get_setting(request: ApiRequest) -> Json:
    """calendar.settings.get"""
    person = request.account.person
    settings = {
        "timezone": person.time_zone,
        "locale": person.locale.partition("-")[0],
        "format24HourTime": "true",
        "weekStart": "1",
    }
    name = request.parameters.required("setting")
    if name not in settings:
        raise calendar_not_found()
    value = settings[name]
    return {"kind": "calendar#setting", "etag": _etag(name, value), "id": name, "value": value}


def query_free_busy(request: ApiRequest) -> Json:
    """calendar.freebusy.query"""
    body = request.body
    for name in ("timeMin", "timeMax"):
        if name not in body:
            raise ApiError(400, "required", f"Missing {name} parameter.", location=("parameter", name))
    begin, end = (datetime.fromisoformat(body[name].upper()) for name in ("timeMin", "timeMax"))
    if begin >= end:
        raise time_range_empty()
    zone = zone_of(body.get("timeZone", "UTC"))
    names = [item.get("id", "") for item in body.get("items", [])]
    most = min(body.get("calendarExpansionMax", _FREE_BUSY_MAXIMUM), _FREE_BUSY_MAXIMUM)
    calendars = {
        name: _free_busy(request, name, (begin, end), zone) if place < most else _unread("tooManyCalendarsRequested")
        for place, name in enumerate(names)
    }
    times = {
        "timeMin": event_times.rfc3339(begin.astimezone(zone)),
        "timeMax": event_times.rfc3339(end.astimezone(zone)),
    }
    return {"kind": "calendar#freeBusy", **times, "calendars": calendars}


def _unread(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _free_busy(request: ApiRequest, name: str, window: tuple[datetime, datetime], zone: ZoneInfo) -> Json:
    calendar = request.account.calendars.find(name)
    if calendar is None:
        return _unread("notFound")
    merged: list[tuple[datetime, datetime]] = []
    busy = (calendar.bounds(event) for event in occurrences(calendar, *window) if _is_busy(event))
    for begin, end in sorted(busy):
        begin, end = max(begin, window[0]), min(end, window[1])
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif begin < end:
            merged.append((begin, end))
    shown = [[event_times.rfc3339(moment.astimezone(zone)) for moment in period] for period in merged]
    return {"busy": [{"start": begin, "end": end} for begin, end in shown]}


def _is_busy(event: Json) -> bool:
    """Neither shown as available, nor declined by the person."""
    declined = any(
        attendee.get("self") and attendee["responseStatus"] == "declined" for attendee in event.get("attendees", [])
    )
    return event.get("transparency") != "transparent" and not declined


def time_range_empty() -> ApiError:
    """400: https://developers.google.com/workspace/calendar/api/guides/errors#400_bad_request"""
    message = "The specified time range is empty."
    return ApiError(400, "timeRangeEmpty", message, location=("parameter", "timeMax"))


HANDLERS: dict[str, Handler] = {
    "calendar.calendarList.list": list_calendars,
    "calendar.calendarList.get": get_list_entry,
    "calendar.calendars.get": get_calendar,
    "calendar.settings.get": get_setting,
    "calendar.freebusy.query": query_free_busy,
}
