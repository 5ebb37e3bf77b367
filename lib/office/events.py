"""A person's events: all calendars of all accounts in one list, earliest first."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lib.accounts.models import Account
from lib.core import clock, deadline, purpose
from lib.core import cursor as cursors
from lib.core.errors import InvalidCursor, InvalidRequest, NotFound, Problem
from lib.core.parallel import ask_all
from lib.core.store import UserId
from lib.office.identifiers import decode
from lib.office.merge import Position, Stretch, is_cut, merge, read_positions, write_positions
from lib.office.models import CalendarList, ComingEvents, Event, EventPage
from lib.office.sources import CONNECTED, Failed, Sources, owned, usable

LIST_BUDGET = timedelta(seconds=10)
READ_BUDGET = timedelta(seconds=15)
LARGEST_PAGE = 250
USUAL_SPAN = timedelta(days=7)
LONGEST_SPAN = timedelta(days=366)

_STREAM_CHARACTERS = 12

Window = tuple[datetime, datetime]


@purpose.of("list events")
def between(
    person: UserId,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    query: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    sources: Sources = CONNECTED,
) -> EventPage:
    """A page of the events that overlap the time from `start` to `end`, earliest start first; at most 250.

    By default from now on, for a week. Series are given as their instances. An account or a calendar that fails stands
    in `errors`; the others come all the same, and the cursor loses and repeats nothing. Raises `InvalidCursor`, and
    `InvalidRequest` for an end that is not after the start, or more than a year after it.
    """
    listing = f"events:{[moment.astimezone(UTC).isoformat() if moment else None for moment in (start, end)]}:{query}"
    window, before = _continued(person, listing, cursor) if cursor is not None else (_window(start, end), {})
    limit = min(limit, LARGEST_PAGE)
    streams, failed = _ask(person, sources, window, query, before, limit)
    page = merge(streams, before, limit)
    position = {"window": [moment.isoformat() for moment in window], "streams": write_positions(page.positions)}
    return EventPage(
        events=page.items,
        errors=[failure.error() for failure in failed],
        start=window[0],
        end=window[1],
        next_cursor=cursors.encode(person, listing, position) if page.more else None,
    )


@purpose.of("gather events")
def coming(person: UserId, start: datetime, end: datetime, *, limit: int, sources: Sources = CONNECTED) -> ComingEvents:
    """The events that overlap the time, as `between` orders them, for somebody who reads no second page."""
    nowhere: Mapping[str, Position] = {}
    streams, failed = _ask(person, sources, (start, end), None, nowhere, limit)
    page = merge(streams, nowhere, limit)
    return ComingEvents(
        events=page.items,
        errors=[failure.error() for failure in failed],
        more=is_cut(streams, len(page.items)),
    )


@purpose.of("read an event")
def read(person: UserId, event_id: str, *, sources: Sources = CONNECTED) -> Event:
    """One event. Raises `NotFound`, `ReconnectRequired`, and what providers raise."""
    named = decode(event_id, parts=2)
    with deadline.within(READ_BUDGET):
        return sources.calendars(person, owned(sources, person, named.account_id)).event(*named.provider_ids)


@purpose.of("list calendars")
def calendars(person: UserId, *, sources: Sources = CONNECTED) -> CalendarList:
    """The calendars of all accounts."""
    accounts = sources.accounts(person)
    answers = ask_all(accounts, lambda account: sources.calendars(person, usable(account)).calendars(), LIST_BUDGET)
    found = list(zip(accounts, answers, strict=True))
    return CalendarList(
        calendars=[calendar for _, answer in found if not isinstance(answer, Problem) for calendar in answer],
        errors=[Failed(account, answer).error() for account, answer in found if isinstance(answer, Problem)],
    )


def _ask(
    person: UserId,
    sources: Sources,
    window: Window,
    query: str | None,
    before: Mapping[str, Position],
    limit: int,
) -> tuple[dict[str, Stretch[Event] | Problem], list[Failed]]:
    """Every calendar's stretch by the name of its stream, and what failed; an account may fail as a whole."""

    def after(calendar_id: str) -> Position:
        return before.get(_stream(calendar_id))

    def question(account: Account) -> Mapping[str, Stretch[Event] | Problem]:
        return sources.calendars(person, usable(account)).pages(window, query, after, limit)

    accounts = sources.accounts(person)
    streams: dict[str, Stretch[Event] | Problem] = {}
    failed: list[Failed] = []
    for account, answer in zip(accounts, ask_all(accounts, question, LIST_BUDGET), strict=True):
        if isinstance(answer, Problem):
            streams[account.id] = answer
            failed.append(Failed(account, answer))
            continue
        for calendar_id, outcome in answer.items():
            streams[_stream(calendar_id)] = outcome
            if isinstance(outcome, Problem) and not isinstance(outcome, NotFound):
                failed.append(Failed(account, outcome, calendar_id))
    return streams, failed


def _stream(calendar_id: str) -> str:
    """A short name, so that a cursor has room for every calendar."""
    return hashlib.sha256(calendar_id.encode()).hexdigest()[:_STREAM_CHARACTERS]


def _window(start: datetime | None, end: datetime | None) -> Window:
    begin = start or (end - USUAL_SPAN if end else clock.now())
    window = begin, end or begin + USUAL_SPAN
    if window[0] >= window[1]:
        raise InvalidRequest("end has to be after start")
    if window[1] - window[0] > LONGEST_SPAN:
        raise InvalidRequest("start and end may be a year apart at most")
    return window


def _continued(person: UserId, listing: str, cursor: str) -> tuple[Window, dict[str, Position]]:
    """The window and the positions that a cursor holds: "now" stays what it was on the first page."""
    position = cursors.decode(person, listing, cursor)
    try:
        start, end = (datetime.fromisoformat(moment) for moment in position["window"])
        return (start, end), read_positions(position["streams"])
    except (ValueError, TypeError, LookupError):
        raise InvalidCursor() from None
