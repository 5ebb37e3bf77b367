"""Events of all of a person's calendars: list, search, read."""

from typing import Any

import functions_framework
from pydantic import BaseModel, Field

from lib.accounts.capabilities import GrantPageSettings
from lib.core.cursor import SECRET as CURSOR_KEY
from lib.core.http import Service, Strict
from lib.core.store import UserId
from lib.office import events as office_events
from lib.office.google.settings import GoogleApiSettings
from lib.office.identifiers import Identifier
from lib.office.microsoft.settings import GraphSettings
from lib.office.models import CalendarList, Event, EventPage
from lib.office.queries import Moment, Words
from lib.usage.rate import requests_per_minute

service = Service(
    "Events",
    limit=requests_per_minute,
    requires=(GoogleApiSettings, GraphSettings, GrantPageSettings),
    secrets=(CURSOR_KEY,),
)


class Listing(Strict):
    """Which events, and which page of them: by default from now on, for a week; a year at most."""

    start: Moment | None = None
    end: Moment | None = None
    q: Words | None = None
    limit: int = Field(default=50, ge=1, le=office_events.LARGEST_PAGE)
    cursor: str | None = Field(default=None, max_length=8192)


class EventPath(BaseModel):
    """Names an event."""

    event_id: Identifier


@service.get("/")
def list_events(person: UserId, query: Listing) -> EventPage:
    """List or search events, earliest first"""
    return office_events.between(person, query.start, query.end, query=query.q, limit=query.limit, cursor=query.cursor)


@service.get("/calendars")
def list_calendars(person: UserId) -> CalendarList:
    """List the calendars of all accounts"""
    return office_events.calendars(person)


@service.get("/<event_id>")
def read_event(person: UserId, path: EventPath) -> Event:
    """Read an event"""
    return office_events.read(person, path.event_id)


@functions_framework.http
def events(request: Any) -> Any:
    """Serve a request."""
    return service(request)
