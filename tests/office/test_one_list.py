"""All accounts as one list: whatever the page size and whoever fails, nothing is lost and nothing comes twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.accounts.models import Health
from lib.core.errors import InvalidCursor, InvalidRequest, NotFound, ProviderFailed, ReconnectRequired
from lib.core.store import UserId
from lib.office import events, mail
from lib.office.errors import ProviderThrottled
from lib.office.models import EventPage, MailPage
from lib.office.queries import MailQuery
from lib.office.sources import Sources
from tests.office.fakes import EPOCH, FakeCalendars, FakeMail, account

_P = TypeVar("_P", MailPage, EventPage)

ADA, BRAM = UserId("user_ada"), UserId("user_bram")
START, END = EPOCH, EPOCH + timedelta(days=1)

# Few different minutes, so that many things happen at the same time.
minutes = st.lists(st.integers(0, 12), max_size=25)
mailboxes = st.lists(minutes, min_size=1, max_size=4)
calendar_lists = st.lists(st.dictionaries(st.sampled_from("abc"), minutes, max_size=3), min_size=1, max_size=3)

pytestmark = pytest.mark.usefixtures("cursor_key")
examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def of_mail(*fakes: FakeMail) -> Sources:
    by_id = {fake.owner.id: fake for fake in fakes}
    return Sources(
        accounts=lambda person: [fake.owner for fake in fakes],
        account=lambda person, wanted: None,
        mail=lambda person, wanted: by_id[wanted.id],
    )


def of_calendars(*fakes: FakeCalendars) -> Sources:
    by_id = {fake.owner.id: fake for fake in fakes}
    return Sources(
        accounts=lambda person: [fake.owner for fake in fakes],
        account=lambda person, wanted: None,
        calendars=lambda person, wanted: by_id[wanted.id],
    )


def all_mail(sources: Sources, limit: int) -> list[str]:
    return [message.id for page in mail_pages(sources, limit) for message in page.messages]


def mail_pages(sources: Sources, limit: int) -> list[MailPage]:
    return _pages(lambda cursor: mail.search(ADA, limit=limit, cursor=cursor, sources=sources))


def event_pages(sources: Sources, limit: int) -> list[EventPage]:
    return _pages(lambda cursor: events.between(ADA, START, END, limit=limit, cursor=cursor, sources=sources))


def _pages(ask: Callable[[str | None], _P]) -> list[_P]:
    pages = [ask(None)]
    while pages[-1].next_cursor is not None:
        pages.append(ask(pages[-1].next_cursor))
        assert len(pages) < 500
    return pages


@examples
@given(mailboxes, st.integers(1, 30))
def test_any_page_size_gives_the_same_list_of_mail(boxes: list[list[int]], limit: int) -> None:
    sources = of_mail(*(FakeMail(account(number), box) for number, box in enumerate(boxes)))
    expected = [
        message.id
        for message in sorted(
            mail.search(ADA, limit=100, sources=sources).messages, key=lambda message: message.date, reverse=True
        )
    ]
    found = all_mail(sources, limit)
    assert found == expected
    assert len(found) == len(set(found)) == sum(map(len, boxes))


@examples
@given(mailboxes, st.integers(1, 10), st.data())
def test_accounts_that_fail_now_and_then_lose_no_mail(boxes: list[list[int]], limit: int, data: st.DataObject) -> None:
    fakes = [
        FakeMail(account(number), box, [ProviderFailed()] * data.draw(st.integers(0, 5)))
        for number, box in enumerate(boxes)
    ]
    found = all_mail(of_mail(*fakes), limit)
    assert len(found) == len(set(found)) == sum(map(len, boxes))


@examples
@given(calendar_lists, st.integers(1, 30))
def test_any_page_size_gives_the_same_list_of_events(lists: list[dict[str, list[int]]], limit: int) -> None:
    sources = of_calendars(*(FakeCalendars(account(number), each) for number, each in enumerate(lists)))
    whole = events.between(ADA, START, END, limit=250, sources=sources)
    assert [event.start for event in whole.events] == sorted(event.start for event in whole.events)
    found = [event.id for page in event_pages(sources, limit) for event in page.events]
    assert found == [event.id for event in whole.events]
    assert len(found) == len(set(found)) == sum(len(each) for one in lists for each in one.values())


@examples
@given(calendar_lists, st.integers(1, 10), st.data())
def test_calendars_that_fail_now_and_then_lose_no_events(
    lists: list[dict[str, list[int]]], limit: int, data: st.DataObject
) -> None:
    fakes = [
        FakeCalendars(account(number), each, {name: [ProviderFailed()] * data.draw(st.integers(0, 4)) for name in each})
        for number, each in enumerate(lists)
    ]
    found = [event.id for page in event_pages(of_calendars(*fakes), limit) for event in page.events]
    assert len(found) == len(set(found)) == sum(len(each) for one in lists for each in one.values())


def test_an_account_that_fails_is_named_and_the_rest_comes() -> None:
    well, ill = FakeMail(account(1), [1, 2]), FakeMail(account(2), [3], [ProviderFailed("It answered 503")])
    page = mail.search(ADA, limit=10, sources=of_mail(well, ill))
    assert [message.account_id for message in page.messages] == [well.owner.id] * 2
    (error,) = page.errors
    assert (error.account_id, error.email) == (ill.owner.id, "person2@mail.example")
    assert (error.type, error.detail) == ("urn:briefly:problem:provider-failed", "It answered 503")
    again = mail.search(ADA, limit=10, cursor=page.next_cursor, sources=of_mail(well, ill))
    assert [message.account_id for message in again.messages] == [ill.owner.id]
    assert (again.errors, again.next_cursor) == ([], None)


def test_who_reads_no_second_page_is_told_whether_there_is_more_and_who_failed() -> None:
    well, ill = (
        FakeCalendars(account(1), {"own": [1, 2, 3]}),
        FakeCalendars(account(2), {"own": []}, {"own": [ProviderFailed()]}),
    )
    few = events.coming(ADA, START, END, limit=2, sources=of_calendars(well))
    assert (len(few.events), few.more, few.errors) == (2, True, [])
    all_of_them = events.coming(ADA, START, END, limit=3, sources=of_calendars(well, ill))
    assert (len(all_of_them.events), all_of_them.more) == (3, False)
    assert [error.account_id for error in all_of_them.errors] == [ill.owner.id]


def test_an_account_that_needs_its_person_does_not_keep_the_list_open() -> None:
    well, ill = FakeMail(account(1), [1]), FakeMail(account(2), [3], [ReconnectRequired("Connect it again")] * 9)
    page = mail.search(ADA, sources=of_mail(well, ill))
    assert [error.type for error in page.errors] == ["urn:briefly:problem:reconnect-required"]
    assert page.next_cursor is None


def test_an_account_known_to_need_its_person_is_not_even_asked() -> None:
    ill = FakeMail(account(2).model_copy(update={"health": Health.NEEDS_RECONNECT}), [3], [ProviderFailed()])
    (error,) = mail.search(ADA, sources=of_mail(ill)).errors
    assert error.type == "urn:briefly:problem:reconnect-required"
    assert ill.problems


def test_a_calendar_that_fails_is_named_and_the_others_come() -> None:
    fake = FakeCalendars(account(1), {"work": [1], "home": [2]}, {"home": [ProviderThrottled()]})
    page = events.between(ADA, START, END, sources=of_calendars(fake))
    (error,) = page.errors
    home = next(calendar for calendar in fake.calendars() if calendar.name == "home")
    assert (error.calendar_id, error.type) == (home.id, "urn:briefly:problem:provider-throttled")
    assert [event.calendar_name for event in page.events] == ["work"]
    again = events.between(ADA, START, END, cursor=page.next_cursor, sources=of_calendars(fake))
    assert [event.calendar_name for event in again.events] == ["home"]


def test_without_accounts_there_is_nothing_and_nothing_wrong() -> None:
    page = mail.search(ADA, sources=of_mail())
    assert (page.messages, page.errors, page.next_cursor) == ([], [], None)


def test_mail_that_arrives_between_pages_shifts_nothing() -> None:
    fake = FakeMail(account(1), [1, 2, 3, 4])
    first = mail.search(ADA, limit=2, sources=of_mail(fake))
    fake.minutes.append(9)
    rest = mail.search(ADA, limit=9, cursor=first.next_cursor, sources=of_mail(fake))
    expected = [EPOCH + timedelta(minutes=minute) for minute in (4, 3, 2, 1)]
    assert [message.date for message in first.messages + rest.messages] == expected


def test_a_cursor_works_for_its_person_and_its_filters_only() -> None:
    sources = of_mail(FakeMail(account(1), [1, 2, 3]))
    made = mail.search(ADA, limit=1, sources=sources).next_cursor
    with pytest.raises(InvalidCursor):
        mail.search(BRAM, limit=1, cursor=made, sources=sources)
    with pytest.raises(InvalidCursor):
        mail.search(ADA, query=MailQuery(unread=True), limit=1, cursor=made, sources=sources)
    with pytest.raises(InvalidCursor):
        events.between(ADA, cursor=made, sources=of_calendars())
    assert mail.search(ADA, limit=2, cursor=made, sources=sources).messages


def test_the_usual_window_stays_the_same_on_every_page() -> None:
    fake = FakeCalendars(account(1), {"work": [1, 2, 3]})
    first = events.between(ADA, limit=1, sources=of_calendars(fake))
    second = events.between(ADA, limit=1, cursor=first.next_cursor, sources=of_calendars(fake))
    assert (second.start, second.end) == (first.start, first.end)
    assert first.end - first.start == events.USUAL_SPAN


@pytest.mark.parametrize("end", [START, START - timedelta(days=1), START + timedelta(days=367)])
def test_a_window_that_is_empty_or_too_wide_is_refused(end: object) -> None:
    with pytest.raises(InvalidRequest):
        events.between(ADA, START, end, sources=of_calendars())  # type: ignore[arg-type]


def test_a_label_of_nobodys_account_is_not_there() -> None:
    sources = of_mail(FakeMail(account(1), [1]))
    for label in ("nonsense", f"{account(7).id}.TGFiZWxfMQ"):
        with pytest.raises(NotFound):
            mail.search(ADA, query=MailQuery(label=label), sources=sources)


def test_a_busy_mailbox_crowds_no_quiet_one_out_of_what_is_recent() -> None:
    busy, quiet = FakeMail(account(1), [9] * 20), FakeMail(account(2), [1, 2])
    recent = mail.recent(ADA, since=EPOCH, limit=5, sources=of_mail(busy, quiet))
    assert [message.account_id for message in recent.messages] == [busy.owner.id] * 5 + [quiet.owner.id] * 2
    assert recent.more
