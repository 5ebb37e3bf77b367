"""What the office asks of a provider; one adapter per vendor.

Every method raises `ReconnectRequired`, `Forbidden`, `ProviderThrottled`, `ProviderFailed`, `Unavailable` or
`DeadlineExceeded`; those that name a thing also `NotFound`. Provider ids go in, identifiers on the wire come out.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lib.accounts.models import Account
from lib.core.errors import Problem
from lib.core.store import UserId
from lib.office.merge import Position, Stretch
from lib.office.models import Calendar, Event, Label, MailMessage, MailSummary, MailThread, RecentMessage
from lib.office.queries import MailQuery


class TokenSource(Protocol):
    """Where adapters get access tokens from; `lib.accounts.access` is one."""

    def access_token(self, person: UserId, account_id: str, /, *, purpose: str, scopes: Sequence[str]) -> str:
        """A token with the scopes. Raises `ReconnectRequired`, `Forbidden`, `NotFound`, `Unavailable`."""
        ...

    def replace_refused(
        self, person: UserId, account_id: str, refused: str, /, *, purpose: str, scopes: Sequence[str]
    ) -> str:
        """Another token than the one which the provider refused. Raises as `access_token` does."""
        ...


class MailReader(Protocol):
    """The mailbox of one account."""

    def page(self, query: MailQuery, after: Position, limit: int) -> Stretch[MailSummary]:
        """The messages that the query asks for, newest first, beyond a position."""
        ...

    def recent(self, query: MailQuery, limit: int) -> Stretch[RecentMessage]:
        """The newest messages that the query asks for, with bodies and their places in their threads."""
        ...

    def message(self, message_id: str) -> MailMessage:
        """One message."""
        ...

    def thread(self, thread_id: str) -> MailThread:
        """One conversation."""
        ...

    def labels(self) -> list[Label]:
        """The labels."""
        ...


PositionOf = Callable[[str], Position]


class CalendarReader(Protocol):
    """The calendars of one account."""

    def calendars(self) -> list[Calendar]:
        """The calendars in the person's list."""
        ...

    def pages(
        self, window: tuple[datetime, datetime], query: str | None, after: PositionOf, limit: int
    ) -> Mapping[str, Stretch[Event] | Problem]:
        """The events that overlap the window, by the identifier of each shown calendar, earliest start first.

        Series are given as their instances. `after` tells a calendar's position by the same identifier.
        """
        ...

    def event(self, calendar_id: str, event_id: str) -> Event:
        """One event."""
        ...


ReaderOf = Callable[[UserId, Account], MailReader]
CalendarReaderOf = Callable[[UserId, Account], CalendarReader]
