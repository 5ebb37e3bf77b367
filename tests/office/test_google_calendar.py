"""Google calendars as the office reads them, over the wire from the local Google."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from lib.core import clock
from lib.core.errors import NotFound
from lib.office import events
from lib.office.identifiers import decode
from lib.office.models import Event
from tests.office.conftest import Office
from tests.office.rig import OWNER


def event_id(event: Event) -> str:
    return decode(event.id, parts=2).provider_ids[1]


def today(office: Office) -> tuple[datetime, datetime]:
    """The first person's local day."""
    zone = ZoneInfo(office.people[office.accounts[0].email].time_zone)
    midnight = datetime.combine(clock.now().astimezone(zone).date(), time(), zone)
    return midnight, midnight + timedelta(days=1)


def test_a_page_costs_two_round_trips(office: Office) -> None:
    events.between(OWNER, *today(office), sources=office.sources(office.accounts[0]))
    assert office.calls() == ["calendar.calendarList.list", "batch"]


def test_a_cancelled_event_is_not_there(office: Office) -> None:
    start, end = today(office)
    sources = office.sources(office.accounts[0])
    event = next(
        event
        for event in events.between(OWNER, start, end + timedelta(days=5), limit=100, sources=sources).events
        if event.calendar_name == office.accounts[0].email and event.attendees
    )
    change = {"user": office.accounts[0].email, "event": {"id": event_id(event), "status": "cancelled"}}
    office.control("POST", "events", change)
    with pytest.raises(NotFound):
        events.read(OWNER, event.id, sources=sources)
    listed = events.between(OWNER, start, end + timedelta(days=5), limit=100, sources=sources)
    assert event.id not in [each.id for each in listed.events]
    office.control("POST", "people", {})


@pytest.mark.parametrize(
    "identifier",
    [
        "acc_000000000000000000000000.cHJpbWFyeQ",
        "acc_000000000000000000000000.cHJpbWFyeQ.Li4",
        "acc_000000000000000000000000.Li4.YWJjZGVm",
        "acc_000000000000000000000000.cHJpbWFyeQ.YWJjZGVm",
        "acc_000000000000000000000000.bm9ib2R5QGV4YW1wbGUub3Jn.YWJjZGVm",
        "acc_999999999999999999999999.cHJpbWFyeQ.YWJjZGVm",
        "nonsense",
    ],
)
def test_what_names_no_event_of_the_person_is_not_found(office: Office, identifier: str) -> None:
    with pytest.raises(NotFound):
        events.read(OWNER, identifier, sources=office.sources())


def test_without_the_scope_for_the_list_the_primary_calendar_is_read(office: Office) -> None:
    narrow = ["https://www.googleapis.com/auth/calendar.events"]
    account = office.accounts[0].model_copy(update={"scopes": narrow})
    page = events.between(OWNER, *today(office), sources=office.sources(account))
    assert page.errors == []
    assert {decode(event.calendar_id).provider_ids[0] for event in page.events} == {"primary"}
    assert events.read(OWNER, page.events[0].id, sources=office.sources(account)).title == page.events[0].title
