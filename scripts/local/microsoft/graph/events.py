"""Single events: those of a calendar, series not taken apart, one by its id, and the instances of a series.

Sources: https://learn.microsoft.com/graph/api/user-list-events, https://learn.microsoft.com/graph/api/event-get and
https://learn.microsoft.com/graph/api/event-list-instances
"""

from scripts.local.microsoft.graph.calendar_store import StoredCalendar, StoredEvent
from scripts.local.microsoft.graph.calendars import calendar_of, shaped, where
from scripts.local.microsoft.graph.errors import item_not_found, malformed_id
from scripts.local.microsoft.graph.event_resource import event_resource
from scripts.local.microsoft.graph.identifiers import is_id
from scripts.local.microsoft.graph.listing import listed
from scripts.local.microsoft.graph.properties import EVENT
from scripts.local.microsoft.graph.query_options import LIST, ONE, read_options
from scripts.local.microsoft.graph.request import GraphRequest
from scripts.local.provider.wire import Answer


def event_of(request: GraphRequest) -> tuple[StoredCalendar, StoredEvent]:
    """The event in the path, with its calendar. Raises GraphError."""
    named, immutable = request.parameters["event"], request.preferences.immutable
    if not is_id(named, immutable):
        raise malformed_id()
    found = request.account.calendars.find_event(named, immutable)
    if found is None or ("calendar" in request.parameters and calendar_of(request) is not found[0]):
        raise item_not_found()
    return found


def list_events(request: GraphRequest) -> Answer:
    """GET /me/events, GET …/events: single events and series, the newest first."""
    calendar = calendar_of(request)
    options = read_options(request.call, EVENT, LIST)
    stored = [event for event in calendar.events.values() if event.master_key is None]
    stored.sort(key=lambda event: (event.created, event.key), reverse=True)
    found = [event_resource(calendar, event, request.preferences) for event in stored]
    return listed(request, options, found, where(request, "events"), lambda one: shaped(request, one, options))


def get_event(request: GraphRequest) -> Answer:
    """GET /me/events/{event}, GET /me/calendars/{calendar}/events/{event}"""
    options = read_options(request.call, EVENT, ONE)
    calendar, event = event_of(request)
    resource = shaped(request, event_resource(calendar, event, request.preferences), options)
    return request.answer({"@odata.context": request.context("events/$entity"), **resource})
