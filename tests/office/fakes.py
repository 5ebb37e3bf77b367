"""Accounts that live in memory, of the same shape as a provider's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lib.accounts.models import Account, Provider
from lib.core.errors import Problem
from lib.office.identifiers import encode
from lib.office.merge import Ended, Place, Position, Stretch
from lib.office.models import (
    Access,
    Calendar,
    Event,
    EventStatus,
    Label,
    MailMessage,
    MailSummary,
    MailThread,
    RecentMessage,
)
from lib.office.ports import PositionOf
from lib.office.queries import MailQuery

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


class MemoryState:
    """A breaker's state that nobody shares."""

    def __init__(self) -> None:
        self.open_until: datetime | None = None

    def read(self, dependency: str) -> datetime | None:
        return self.open_until

    def write(self, dependency: str, open_until: datetime | None) -> None:
        self.open_until = open_until


def account(number: int) -> Account:
    """An account by number."""
    return Account(
        id=f"acc_{number:024d}",
        provider=Provider.GOOGLE,
        email=f"person{number}@mail.example",
        scopes=[],
        connected_at=EPOCH,
        consented_at=EPOCH,
    )


@dataclass
class FakeMail:
    """A mailbox with a message at each of the minutes; fails as often as it has problems left."""

    owner: Account
    minutes: list[int]
    problems: list[Problem] = field(default_factory=list)

    def page(self, query: MailQuery, after: Position, limit: int) -> Stretch[MailSummary]:
        if self.problems:
            raise self.problems.pop()
        if isinstance(after, Ended):
            return Stretch([], ended=True)
        entries = sorted((self._entry(number) for number in range(len(self.minutes))), key=lambda entry: entry[0])
        left = [entry for entry in entries if after is None or entry[0] > after]
        return Stretch(left[:limit], ended=len(left) <= limit)

    def _entry(self, number: int) -> tuple[Place, MailSummary]:
        date = EPOCH + timedelta(minutes=self.minutes[number])
        place = Place.of(-int(date.timestamp() * 1000), f"m{number}")
        return place, MailSummary(
            id=encode(self.owner.id, f"m{number}"),
            account_id=self.owner.id,
            thread_id=encode(self.owner.id, f"t{number}"),
            subject=f"subject {number}",
            snippet="",
            date=date,
            unread=False,
            starred=False,
            from_me=False,
            labels=[],
            has_attachments=False,
        )

    def recent(self, query: MailQuery, limit: int) -> Stretch[RecentMessage]:
        newest = self.page(query, None, limit)
        more = {"text": "", "answered": False, "last_in_thread": True}
        return Stretch([(place, RecentMessage(**dict(item), **more)) for place, item in newest.items], newest.ended)

    def message(self, message_id: str) -> MailMessage:
        raise NotImplementedError

    def thread(self, thread_id: str) -> MailThread:
        raise NotImplementedError

    def labels(self) -> list[Label]:
        raise NotImplementedError


@dataclass
class FakeCalendars:
    """Calendars with an event at each of the minutes; a calendar fails as often as it has problems left."""

    owner: Account
    minutes: dict[str, list[int]]
    problems: dict[str, list[Problem]] = field(default_factory=dict)

    def calendars(self) -> list[Calendar]:
        return [
            Calendar(
                id=encode(self.owner.id, name),
                account_id=self.owner.id,
                name=name,
                zone="UTC",
                primary=False,
                access=Access.OWNER,
            )
            for name in self.minutes
        ]

    def pages(
        self, window: tuple[datetime, datetime], query: str | None, after: PositionOf, limit: int
    ) -> Mapping[str, Stretch[Event] | Problem]:
        return {calendar.id: self._page(calendar, after(calendar.id), limit) for calendar in self.calendars()}

    def _page(self, calendar: Calendar, after: Position, limit: int) -> Stretch[Event] | Problem:
        if self.problems.get(calendar.name):
            return self.problems[calendar.name].pop()
        if isinstance(after, Ended):
            return Stretch([], ended=True)
        numbers = range(len(self.minutes[calendar.name]))
        entries = sorted((self._entry(calendar, number) for number in numbers), key=lambda entry: entry[0])
        left = [entry for entry in entries if after is None or entry[0] > after]
        return Stretch(left[:limit], ended=len(left) <= limit)

    def _entry(self, calendar: Calendar, number: int) -> tuple[Place, Event]:
        start = EPOCH + timedelta(minutes=self.minutes[calendar.name][number])
        place = Place.of(int(start.timestamp() * 1000), f"e{number}")
        return place, Event(
            id=encode(self.owner.id, calendar.name, f"e{number}"),
            account_id=self.owner.id,
            calendar_id=calendar.id,
            calendar_name=calendar.name,
            title=f"event {number}",
            start=start,
            end=start + timedelta(minutes=30),
            all_day=False,
            zone="UTC",
            status=EventStatus.CONFIRMED,
            busy=True,
        )

    def event(self, calendar_id: str, event_id: str) -> Event:
        raise NotImplementedError
