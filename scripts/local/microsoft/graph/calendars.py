"""Reading calendars: the list, one calendar, and what takes place between two instants.

Sources: https://learn.microsoft.com/graph/api/user-list-calendars, https://learn.microsoft.com/graph/api/calendar-get
and https://learn.microsoft.com/graph/api/calendar-list-calendarview
"""

from datetime import UTC, datetime

from scripts.local.microsoft.graph.calendar_store import StoredCalendar
from scripts.local.microsoft.graph.errors import GraphError, item_not_found, malformed_id
from scripts.local.microsoft.graph.event_resource import event_resource
from scripts.local.microsoft.graph.identifiers import is_container_id
from scripts.local.microsoft.graph.listing import listed
from scripts.local.microsoft.graph.message_resource import BODIES
from scripts.local.microsoft.graph.properties import CALENDAR, EVENT
from scripts.local.microsoft.graph.query_options import LIST, ONE, Options, read_options
from scripts.local.microsoft.graph.request import GraphRequest, Json
from scripts.local.provider.wire import Answer

FULL_SCOPES = frozenset(("Calendars.Read", "Calendars.ReadWrite"))
_WINDOW = ("startDateTime", "endDateTime")
_NOT_SELECTED_IN_VIEWS = frozenset(("createdDateTime", "lastModifiedDateTime"))
_NO_WINDOW = (
    "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime."
)


def calendar_of(request: GraphRequest) -> StoredCalendar:
    """The calendar in the path, or the default one. Raises GraphError."""
    named = request.parameters.get("calendar")
    if named is None:
        return request.account.calendars.default
    if not is_container_id(named):
        raise malformed_id()
    calendar = request.account.calendars.find(named)
    if calendar is None:
        raise item_not_found()
    return calendar


def list_calendars(request: GraphRequest) -> Answer:
    """GET /me/calendars"""
    options = read_options(request.call, CALENDAR, LIST)
    found = [_resource(request, calendar) for calendar in request.account.calendars.calendars.values()]
    return listed(request, options, found, "calendars", lambda one: options.selected(one, CALENDAR))


def get_calendar(request: GraphRequest) -> Answer:
    """GET /me/calendar, GET /me/calendars/{calendar}"""
    options = read_options(request.call, CALENDAR, ONE)
    resource = _resource(request, calendar_of(request))
    context = request.context("calendars/$entity")
    return request.answer({"@odata.context": context, **options.selected(resource, CALENDAR)})


def view_calendar(request: GraphRequest) -> Answer:
    """GET …/calendarView: by start if nothing else is asked for; the window has its own offset, or is in UTC.

    Who selects gets neither of the two dates on which an event was written.
    """
    calendar = calendar_of(request)
    options = read_options(request.call, EVENT, (*LIST, *_WINDOW))
    begin, end = _instants(options)
    found = [event_resource(calendar, event, request.preferences) for event in calendar.view(begin, end)]
    withheld = _NOT_SELECTED_IN_VIEWS if options.select is not None else frozenset()

    def shown(resource: Json) -> Json:
        return {name: value for name, value in shaped(request, resource, options).items() if name not in withheld}

    return listed(request, options, found, where(request, "calendarView"), shown)


def where(request: GraphRequest, what: str) -> str:
    """What the context says of the calendar in the path."""
    named = request.parameters.get("calendar")
    return f"calendars('{named}')/{what}" if named else what


def shaped(request: GraphRequest, resource: Json, options: Options) -> Json:
    """The selected properties; Calendars.ReadBasic leaves out bodies.

    Source: https://learn.microsoft.com/graph/permissions-reference#calendarsreadbasic
    """
    chosen = options.selected(resource, EVENT)
    if request.caller.scopes & FULL_SCOPES:
        return chosen
    return {name: value for name, value in chosen.items() if name not in BODIES}


def _instants(options: Options) -> tuple[datetime, datetime]:
    if not all(name in options.given for name in _WINDOW):
        raise GraphError(400, "ErrorInvalidParameter", _NO_WINDOW)
    begin, end = (_instant(name, options.given[name]) for name in _WINDOW)
    if end < begin:
        raise GraphError(400, "ErrorInvalidParameter", "The value of parameter 'EndDateTime' is invalid.")
    return begin, end


def _instant(name: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        title = name[0].upper() + name[1:]
        raise GraphError(400, "ErrorInvalidParameter", f"The value of parameter '{title}' is invalid.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _resource(request: GraphRequest, calendar: StoredCalendar) -> Json:
    owner = request.account.person
    return {
        "id": calendar.id,
        "name": calendar.name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": calendar.primary,
        "changeKey": calendar.id[-24:],
        "canShare": calendar.editable,
        "canViewPrivateItems": True,
        "canEdit": calendar.editable,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": calendar.primary,
        "isRemovable": not calendar.primary,
        "owner": {"name": owner.name, "address": owner.email},
    }
