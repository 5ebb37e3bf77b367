"""Google calendars as the office reads them, over the wire from the local Google."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from lib.core import clock
from lib.core.errors import NotFound
from lib.office import events
from lib.office.identifiers import decode
from lib.office.models import Access, Event, Response
from tests.office.conftest import Office
from tests.office.rig import OWNER


def event_id(event: Event) -> str:
    return decode(event.id, parts=2).provider_ids[1]


def today(office: Office) -> tuple[datetime, datetime]:
    """The first person's local day."""
    zone = ZoneInfo(office.people[office.accounts[0].email].time_zone)
    midnight = datetime.combine(clock.now().astimezone(zone).date(), time(), zone)
    return midnight, midnight + timedelta(days=1)


def fortnight(office: Office, limit: int = 250) -> list[Event]:
    start, end = clock.now() - timedelta(days=7), clock.now() + timedelta(days=7)
    cursor, found = None, []
    while True:
        page = events.between(OWNER, start, end, limit=limit, cursor=cursor, sources=office.sources())
        assert page.errors == []
        found += page.events
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_the_day_holds_the_events_of_the_day(office: Office) -> None:
    person = office.people[office.accounts[0].email]
    page = events.between(OWNER, *today(office), sources=office.sources(office.accounts[0]))
    found = [event_id(event) for event in page.events if event.my_response is not Response.DECLINED]
    assert [each for each in found if each in person.expected.today_event_ids] == list(person.expected.today_event_ids)


def test_events_of_all_calendars_come_by_their_start(office: Office) -> None:
    found = fortnight(office)
    assert {event.account_id for event in found} == {account.id for account in office.accounts}
    assert len({event.calendar_id for event in found}) > 2
    starts = [event.start for event in found if isinstance(event.start, datetime)]
    assert starts == sorted(starts)


@pytest.mark.parametrize("limit", [5, 40])
def test_any_page_size_gives_the_same_events(office: Office, limit: int) -> None:
    whole = [event.id for event in fortnight(office)]
    assert [event.id for event in fortnight(office, limit)] == whole
    assert len(whole) == len(set(whole))


def test_short_and_empty_pages_of_google_lose_nothing(office: Office) -> None:
    whole = [event.id for event in fortnight(office)]
    office.control("POST", "pages", {"short": True})
    assert [event.id for event in fortnight(office, 20)] == whole


def test_a_page_costs_two_round_trips(office: Office) -> None:
    events.between(OWNER, *today(office), sources=office.sources(office.accounts[0]))
    assert office.calls() == ["calendar.calendarList.list", "batch"]


def test_whole_days_are_dates_and_others_instants_in_their_zone(office: Office) -> None:
    for event in fortnight(office):
        assert event.all_day == (not isinstance(event.start, datetime)) == (not isinstance(event.end, datetime))
        if isinstance(event.start, datetime):
            assert event.start.tzinfo == ZoneInfo(event.zone)
        else:
            assert isinstance(event.start, date)


def test_instances_name_their_series(office: Office) -> None:
    instances = [event for event in fortnight(office) if event.series_id]
    assert instances
    for event in instances:
        assert event.original_start is not None
        assert decode(event.series_id or "", parts=2).account_id == event.account_id


def test_who_is_invited_and_what_they_answered_is_told(office: Office) -> None:
    invited = [event for event in fortnight(office) if event.attendees]
    for event in invited:
        mine = [attendee for attendee in event.attendees if attendee.is_me]
        assert event.my_response == (mine[0].response if mine else None)
    assert {event.my_response for event in invited} >= {Response.ACCEPTED, Response.DECLINED}


def test_an_event_is_read_as_it_is_listed(office: Office) -> None:
    sources = office.sources()
    for event in fortnight(office)[:6]:
        assert events.read(OWNER, event.id, sources=sources) == event


def test_words_narrow_the_list(office: Office) -> None:
    wanted = next(event for event in fortnight(office) if event.title)
    page = events.between(
        OWNER,
        clock.now() - timedelta(days=7),
        clock.now() + timedelta(days=7),
        query=wanted.title,
        limit=250,
        sources=office.sources(),
    )
    assert wanted.id in [event.id for event in page.events]
    assert len(page.events) < len(fortnight(office))


def test_calendars_of_all_accounts_are_listed(office: Office) -> None:
    listed = events.calendars(OWNER, sources=office.sources())
    expected = {calendar.id for person in office.people.values() for calendar in person.calendars}
    assert {decode(calendar.id).provider_ids[0] for calendar in listed.calendars} == expected
    primary = [calendar for calendar in listed.calendars if calendar.primary]
    assert len(primary) == len(office.accounts)
    assert all(calendar.access is Access.OWNER for calendar in primary)


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
