"""Calendar: reading events.

Sources: https://developers.google.com/workspace/calendar/api/v3/reference/events/list, …/events/get, …/events/instances
and https://developers.google.com/workspace/calendar/api/guides/sync
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from scripts.local import clock
from scripts.local.google import event_times, pages
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.calendar_lists import asked_calendar, full_sync_required, time_range_empty, zone_of
from scripts.local.google.calendar_store import StoredCalendar, StoredEvent
from scripts.local.google.errors import ApiError, calendar_not_found, invalid_argument
from scripts.local.google.event_filter import EventFilter
from scripts.local.google.occurrences import instances_between, is_orphan, overlaps
from scripts.local.provider.wire import Json

_MAXIMUM_PAGE = 2500
_NOT_WITH_SYNC_TOKEN = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
# A result that is searched, ordered or cut by `updated` cannot be continued, so that it gets no token.
_WITHOUT_SYNC_TOKEN = tuple(name for name in _NOT_WITH_SYNC_TOKEN if name not in ("timeMin", "timeMax"))
_FREE_BUSY_FIELDS = (
    "kind",
    "etag",
    "id",
    "status",
    "htmlLink",
    "created",
    "updated",
    "start",
    "end",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "transparency",
    "iCalUID",
    "sequence",
    "eventType",
)


def answer_zone(request: ApiRequest, calendar: StoredCalendar) -> ZoneInfo:
    """The zone that times are shown in: `timeZone`, or else the calendar's."""
    name = request.parameters.text("timeZone")
    return zone_of(name) if name else calendar.zone


def shown(request: ApiRequest, calendar: StoredCalendar, resource: Json) -> Json:
    """The event as the caller sees it: in their zone, with as many attendees as asked, by their access."""
    zone = answer_zone(request, calendar)
    times = {
        name: event_times.shown(resource[name], zone)
        for name in ("start", "end", "originalStartTime")
        if name in resource
    }
    event: Json = resource | times
    if calendar.access_role == "freeBusyReader":
        return {name: event[name] for name in _FREE_BUSY_FIELDS if name in event} | {"visibility": "private"}
    most = request.parameters.number("maxAttendees", len(event.get("attendees", [])))
    if len(event.get("attendees", [])) > most:
        own = [attendee for attendee in event["attendees"] if attendee.get("self")]
        event = event | {"attendees": own, "attendeesOmitted": True}
    return event


def _shown_cancelled(request: ApiRequest, calendar: StoredCalendar, resource: Json) -> Json:
    """Of a cancelled event only the id is sure, of an exception also what it replaces: more is not given."""
    names = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
    kept = {name: resource[name] for name in names if name in resource}
    return shown(request, calendar, kept) if calendar.access_role != "freeBusyReader" else kept


def list_events(request: ApiRequest) -> Json:
    """calendar.events.list"""
    calendar, parameters = asked_calendar(request), request.parameters
    begin, end = _window(request)
    if parameters.text("orderBy") == "startTime" and not parameters.flag("singleEvents"):
        message = "The requested ordering is not available for the particular query."
        raise ApiError(400, "badRequest", message, location=("parameter", "orderBy"))
    since = _synced_version(request, calendar)
    query = EventFilter.of(parameters, since)
    found = sorted(
        (event for event in _candidates(calendar, query, begin, end) if query.matches(event)),
        key=lambda event: _place(calendar, event, parameters.text("orderBy")),
    )
    return _collection(request, calendar) | _page(request, calendar, found)


def _window(request: ApiRequest) -> tuple[datetime | None, datetime | None]:
    begin, end = request.parameters.instant("timeMin"), request.parameters.instant("timeMax")
    if begin and end and begin >= end:
        raise time_range_empty()
    return begin, end


def _sync_query(request: ApiRequest, calendar: StoredCalendar) -> str:
    """Names what must stay the same between a full and an incremental read."""
    parameters = request.parameters
    types = sorted(parameters.many("eventTypes"))
    return pages.fingerprint("sync", request.account.email, calendar.id, parameters.flag("singleEvents"), types)


def _synced_version(request: ApiRequest, calendar: StoredCalendar) -> int | None:
    """The version that a syncToken stands for; 400 with parameters it does not go with, 410 if it is void."""
    token = request.parameters.text("syncToken")
    if token is None:
        return None
    restricted = any(name in request.parameters.given for name in _NOT_WITH_SYNC_TOKEN)
    if restricted or ("showDeleted" in request.parameters.given and not request.parameters.flag("showDeleted")):
        raise ApiError(400, "badRequest", "Sync token cannot be used with other request restrictions")
    try:
        position = pages.read(_sync_query(request, calendar), token)
    except pages.InvalidToken:
        raise full_sync_required() from None
    issued = datetime.fromtimestamp(position.after, UTC)
    if position.version < calendar.oldest_version or clock.now() - issued > request.behaviour.sync_token_lifetime:
        raise full_sync_required()
    return position.version


def _candidates(
    calendar: StoredCalendar, query: EventFilter, begin: datetime | None, end: datetime | None
) -> Iterator[Json]:
    """What the window, the version and the treatment of series select."""
    for stored in list(calendar.events.values()):
        if query.since is not None and stored.version <= query.since:
            continue
        if stored.recurring and not stored.cancelled:
            yield from _series(calendar, stored, query, begin, end)
        elif _admitted(calendar, stored, query) and overlaps(calendar, stored.resource, begin, end):
            yield stored.resource


def _admitted(calendar: StoredCalendar, stored: StoredEvent, query: EventFilter) -> bool:
    return query.admits_cancelled(stored) if stored.cancelled else not is_orphan(calendar, stored)


def _series(
    calendar: StoredCalendar, master: StoredEvent, query: EventFilter, begin: datetime | None, end: datetime | None
) -> Iterator[Json]:
    instances = instances_between(calendar, master, begin, end)
    if query.single_events:
        yield from instances
    elif (begin is None and end is None) or next(instances, None) is not None:
        yield master.resource


def _place(calendar: StoredCalendar, event: Json, order: str | None) -> list[Any]:
    """What sorts an event among others; without orderBy the order is stable and means nothing."""
    if order == "startTime":
        return [calendar.bounds(event)[0].timestamp(), event["id"]]
    return [event["updated"] if order == "updated" else 0, event["id"]]


def _collection(request: ApiRequest, calendar: StoredCalendar) -> Json:
    return {
        "kind": "calendar#events",
        "etag": f'"{pages.fingerprint(calendar.id, calendar.version)}"',
        "summary": calendar.summary,
        "updated": event_times.rfc3339_milliseconds(calendar.updated),
        "timeZone": answer_zone(request, calendar).key,
        "accessRole": calendar.access_role,
        "defaultReminders": [{"method": "popup", "minutes": 10}] if calendar.primary else [],
    }


def _list_query(request: ApiRequest, calendar: StoredCalendar) -> str:
    values = {
        name: value
        for name, value in request.parameters.values.items()
        if name not in ("pageToken", "maxResults", "calendarId")
    }
    return pages.fingerprint("events", request.account.email, calendar.id, sorted(values.items()))


def _page(request: ApiRequest, calendar: StoredCalendar, events: list[Json]) -> Json:
    """A page of events and its token: of the next page, or on the last page for the next synchronization."""
    query, parameters = _list_query(request, calendar), request.parameters
    position = pages.Position(None, 0, calendar.version)
    if token := parameters.text("pageToken"):
        try:
            position = pages.read(query, token)
        except pages.InvalidToken:
            raise invalid_argument("Invalid page token value.") from None
    order = parameters.text("orderBy")
    rest = [event for event in events if position.after is None or _place(calendar, event, order) > position.after]
    size = _page_size(request, position.page)
    chosen = rest[:size]
    items = [
        (_shown_cancelled if event["status"] == "cancelled" else shown)(request, calendar, event) for event in chosen
    ]
    if size < len(rest):
        after = _place(calendar, chosen[-1], order) if chosen else position.after
        following = pages.Position(after, position.page + 1, position.version)
        return {"items": items, "nextPageToken": pages.write(query, following)}
    if any(name in parameters.given for name in _WITHOUT_SYNC_TOKEN):
        return {"items": items}
    now = pages.Position(clock.timestamp(), 0, position.version)
    return {"items": items, "nextSyncToken": pages.write(_sync_query(request, calendar), now)}


def _page_size(request: ApiRequest, page: int) -> int:
    """How many events a page holds: pages may be short or empty, and on command every second one is empty."""
    size = min(request.parameters.number("maxResults", 250), _MAXIMUM_PAGE)
    if not request.behaviour.short_pages:
        return size
    return 0 if page % 2 else (size + 1) // 2


def get_event(request: ApiRequest) -> Json:
    """calendar.events.get: an event, a master, an exception or an instance."""
    calendar, event_id = asked_calendar(request), request.parameters.required("eventId")
    stored = calendar.events.get(event_id)
    resource = stored.resource if stored else calendar.instance(event_id)
    if resource is None:
        raise calendar_not_found()
    return shown(request, calendar, resource)


def list_instances(request: ApiRequest) -> Json:
    """calendar.events.instances: of one series, exceptions in their places."""
    calendar, parameters = asked_calendar(request), request.parameters
    master = calendar.events.get(parameters.required("eventId"))
    if master is None or master.cancelled:
        raise calendar_not_found()
    if not master.recurring:
        raise ApiError(400, "badRequest", "The event is not recurring.")
    begin, end = _window(request)
    found = list(instances_between(calendar, master, begin, end))
    found += [
        stored.resource
        for stored in calendar.exceptions(master).values()
        if (not stored.cancelled or parameters.flag("showDeleted")) and overlaps(calendar, stored.resource, begin, end)
    ]
    if wanted := parameters.text("originalStart"):
        found = [event for event in found if _starts_originally(event, wanted)]
    found.sort(key=lambda event: _place(calendar, event, None))
    return _collection(request, calendar) | _page(request, calendar, found)


def _starts_originally(event: Json, wanted: str) -> bool:
    original = event["originalStartTime"]
    if "date" in original:
        return bool(original["date"] == wanted)
    try:
        return datetime.fromisoformat(original["dateTime"]) == datetime.fromisoformat(wanted.upper())
    except (ValueError, TypeError):
        return False


HANDLERS: dict[str, Handler] = {
    "calendar.events.list": list_events,
    "calendar.events.get": get_event,
    "calendar.events.instances": list_instances,
}
