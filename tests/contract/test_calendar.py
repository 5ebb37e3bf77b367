"""Calendars as the office reads them, the same of every provider, over the wire."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from lib.accounts.models import Provider
from lib.core import breaker, clock
from lib.core.errors import NotFound, ProviderFailed, Unavailable
from lib.office import events
from lib.office.errors import ProviderThrottled
from lib.office.identifiers import decode, encode
from lib.office.models import Access, Calendar, Event, Response
from tests.office.rig import OWNER, Rig

API = {"google": "/calendar/v3/", "microsoft": "/v1.0/me/"}
CALENDARS = {"google": "/calendar/v3/calendars/", "microsoft": "/v1.0/me/calendars/"}
THROTTLED = {"google": "rateLimitExceeded", "microsoft": "ApplicationThrottled"}


def path_of(rig: Rig, calendar: Calendar) -> str:
    """Where its provider has a calendar."""
    named = decode(calendar.id).provider_ids[0].replace("@", "%40").replace("#", "%23")
    return f"{CALENDARS[rig.accounts[0].provider.value]}{named}"


def event_id(event: Event) -> str:
    return decode(event.id, parts=2).provider_ids[1]


def today(rig: Rig) -> tuple[datetime, datetime]:
    """The first person's local day."""
    zone = ZoneInfo(rig.people[rig.accounts[0].email].time_zone)
    midnight = datetime.combine(clock.now().astimezone(zone).date(), time(), zone)
    return midnight, midnight + timedelta(days=1)


def between(rig: Rig, window: tuple[datetime, datetime], limit: int = 250, query: str | None = None) -> list[Event]:
    """The events of all accounts, page by page."""
    cursor, found = None, list[Event]()
    while True:
        page = events.between(OWNER, *window, limit=limit, query=query, cursor=cursor, sources=rig.sources())
        assert page.errors == []
        found += page.events
        cursor = page.next_cursor
        if cursor is None:
            return found


def fortnight(rig: Rig, limit: int = 250, query: str | None = None) -> list[Event]:
    now = clock.now()
    return between(rig, (now - timedelta(days=7), now + timedelta(days=7)), limit, query)


def calendar_of(rig: Rig, primary: bool) -> Calendar:
    """One of the first account's calendars."""
    return next(one for one in rig.calendar(rig.accounts[0]).calendars() if one.primary is primary)


def test_the_day_holds_the_events_of_the_day(rig: Rig) -> None:
    account = rig.accounts[0]
    page = events.between(OWNER, *today(rig), limit=250, sources=rig.sources(account))
    expected = [rig.event_id(account, key) for key in rig.people[account.email].expected.today_event_ids]
    found = [event_id(event) for event in page.events if event.my_response is not Response.DECLINED]
    assert {each for each in found if each in expected} == set(expected)
    assert len(found) == len(set(found))


def test_events_of_all_calendars_come_by_their_start(rig: Rig) -> None:
    found = fortnight(rig)
    assert {event.account_id for event in found} == {account.id for account in rig.accounts}
    assert len({event.calendar_id for event in found}) > 2
    starts = [event.start for event in found if isinstance(event.start, datetime)]
    assert starts == sorted(starts)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("limit", [7, 40])
def test_any_page_size_gives_the_same_events(rig: Rig, limit: int, short: bool) -> None:
    whole = [event.id for event in fortnight(rig)]
    rig.control("POST", "pages", {"short": short})
    assert [event.id for event in fortnight(rig, limit)] == whole
    assert len(whole) == len(set(whole))


def test_what_overlaps_the_window_is_in_it_and_nothing_else(rig: Rig) -> None:
    begin = next(event.start for event in fortnight(rig) if isinstance(event.start, datetime)) + timedelta(minutes=1)
    window = begin, begin + timedelta(days=2)
    expected = [
        event.id
        for event in fortnight(rig)
        if isinstance(event.start, datetime)
        and isinstance(event.end, datetime)
        and event.start < window[1]
        and event.end > window[0]
    ]
    assert [event.id for event in between(rig, window) if not event.all_day] == expected
    assert expected


def test_whole_days_are_dates_and_others_instants_in_their_zone(rig: Rig) -> None:
    found = between(rig, (clock.now() - timedelta(days=60), clock.now() + timedelta(days=60)))
    assert {event.all_day for event in found} == {True, False}
    for event in found:
        assert event.all_day == (not isinstance(event.start, datetime)) == (not isinstance(event.end, datetime))
        if isinstance(event.start, datetime):
            assert event.start.tzinfo == ZoneInfo(event.zone)
        else:
            assert isinstance(event.start, date)
            assert event.end > event.start


def test_a_whole_day_is_told_on_its_day_and_on_no_other(rig: Rig) -> None:
    found = between(rig, (clock.now() - timedelta(days=60), clock.now() + timedelta(days=60)))
    whole = next(event for event in found if event.all_day and event.account_id == rig.accounts[0].id)
    zone = ZoneInfo(rig.people[rig.accounts[0].email].time_zone)
    first, last = (datetime.combine(day, time(), zone) for day in (whole.start, whole.end))
    for start, is_there in ((first - timedelta(days=1), False), (last - timedelta(days=1), True), (last, False)):
        page = between(rig, (start, start + timedelta(days=1)))
        assert (whole.id in [event.id for event in page]) is is_there


def test_instances_name_their_series(rig: Rig) -> None:
    instances = [event for event in fortnight(rig) if event.series_id]
    assert instances
    for event in instances:
        assert event.original_start is not None
        assert decode(event.series_id or "", parts=2).account_id == event.account_id
    series = events.read(OWNER, instances[0].series_id or "", sources=rig.sources())
    assert series.recurrence[0].startswith("RRULE:FREQ=")
    assert series.title == instances[0].title


def test_who_is_invited_and_what_they_answered_is_told(rig: Rig) -> None:
    invited = [event for event in fortnight(rig) if event.attendees]
    for event in invited:
        mine = [attendee for attendee in event.attendees if attendee.is_me]
        assert len(mine) <= 1
        if mine:
            assert event.my_response is mine[0].response
    assert {event.my_response for event in invited} >= {Response.ACCEPTED, Response.DECLINED}


def test_an_event_is_read_as_it_is_listed(rig: Rig) -> None:
    sources = rig.sources()
    for event in fortnight(rig)[:6]:
        assert events.read(OWNER, event.id, sources=sources) == event


def test_words_narrow_the_list(rig: Rig) -> None:
    whole = fortnight(rig)
    wanted = next(event for event in whole if event.title)
    found = fortnight(rig, limit=5, query=wanted.title)
    assert wanted.id in [event.id for event in found]
    assert len(found) < len(whole)


def test_calendars_of_all_accounts_are_listed(rig: Rig) -> None:
    listed = events.calendars(OWNER, sources=rig.sources())
    assert listed.errors == []
    for account in rig.accounts:
        mine = [calendar for calendar in listed.calendars if calendar.account_id == account.id]
        assert len(mine) == len(rig.people[account.email].calendars)
        (primary,) = [calendar for calendar in mine if calendar.primary]
        assert primary.access is Access.OWNER


@pytest.mark.parametrize("name", ["x", "Li4", "YWJjZGVm", "*"])
def test_what_names_no_event_of_the_person_is_not_found(rig: Rig, name: str) -> None:
    primary = decode(calendar_of(rig, primary=True).id)
    wanted = f"{encode(primary.account_id, *primary.provider_ids)}.{name}"
    with pytest.raises(NotFound):
        events.read(OWNER, wanted, sources=rig.sources())
    with pytest.raises(NotFound):
        events.read(OWNER, f"{primary.account_id}.{name}.{name}", sources=rig.sources())


def test_an_event_is_not_found_in_another_calendar(rig: Rig) -> None:
    other = decode(calendar_of(rig, primary=False).id)
    primary = calendar_of(rig, primary=True)
    event = next(one for one in fortnight(rig) if one.calendar_id == primary.id)
    with pytest.raises(NotFound):
        events.read(
            OWNER, encode(other.account_id, *other.provider_ids, event_id(event)), sources=rig.sources(rig.accounts[0])
        )


def test_one_calendar_that_fails_leaves_the_others(rig: Rig) -> None:
    other = calendar_of(rig, primary=False)
    rig.arm(path_of(rig, other), "error", times=None)
    page = events.between(OWNER, sources=rig.sources(rig.accounts[0]))
    assert page.events
    assert [error.calendar_id for error in page.errors] == [other.id]


def test_one_calendar_that_fails_for_long_closes_nobodys_calendars(rig: Rig) -> None:
    other = calendar_of(rig, primary=False)
    rig.arm(path_of(rig, other), "error", status=500, times=None)
    for _ in range(2 * breaker.FEWEST_FAILURES):
        page = events.between(OWNER, limit=1, sources=rig.sources(rig.accounts[0]))
        assert page.events
        assert [(error.calendar_id, error.type) for error in page.errors] == [(other.id, ProviderFailed.type())]


def test_calendars_that_all_fail_are_soon_left_alone(rig: Rig) -> None:
    rig.arm(CALENDARS[rig.accounts[0].provider.value], "error", status=500, times=None)
    told: set[str] = set()
    for _ in range(4 * breaker.FEWEST_FAILURES):
        page = events.between(OWNER, limit=1, sources=rig.sources(rig.accounts[0]))
        told |= {error.type for error in page.errors}
    assert told == {ProviderFailed.type(), Unavailable.type()}


def test_a_refused_token_is_replaced_once_and_nobody_notices(rig: Rig) -> None:
    whole = [event.id for event in rig.calendar(rig.accounts[0]).calendars()]
    rig.control("POST", "expire", {"what": "access_tokens"})
    assert [calendar.id for calendar in rig.calendar(rig.accounts[0]).calendars()] == whole
    assert len(rig.refused) == 1


def test_a_throttling_is_waited_out_or_told(rig: Rig) -> None:
    provider = rig.accounts[0].provider.value
    reader = rig.calendar(rig.accounts[0])
    rig.arm(API[provider], "error", status=429, reason=THROTTLED[provider], retry_after=0, times=1)
    assert reader.calendars()
    rig.arm(API[provider], "error", status=429, reason=THROTTLED[provider], retry_after=120, times=None)
    with pytest.raises(ProviderThrottled) as throttled:
        reader.calendars()
    assert throttled.value.headers["Retry-After"] == "120"


def test_an_event_tells_its_version(rig: Rig) -> None:
    for event in fortnight(rig)[:20]:
        assert event.etag
        assert event.uid
        # In a view, Graph does not tell when an event was changed.
        assert (event.updated is not None) == (rig.accounts[0].provider is Provider.GOOGLE)
        assert event.updated is None or event.updated.utcoffset() == timedelta()
