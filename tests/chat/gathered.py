"""Small events and mails for contexts, and an office that answers as it is told."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.core.deadline import current
from lib.core.store import UserId
from lib.office.models import AccountError, ComingEvents, Event, EventStatus, Party, RecentMail, RecentMessage
from lib.office.queries import MailQuery

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ADA = UserId("user_ada")
ACCOUNT = "acc_000000000000000000000000"


def event(name: str, hours: float = 1, **fields: Any) -> Event:
    """An event that begins so many hours from now."""
    start = NOW + timedelta(hours=hours)
    given: dict[str, Any] = {
        "id": f"{ACCOUNT}.{name}",
        "account_id": ACCOUNT,
        "calendar_id": f"{ACCOUNT}.calendar",
        "calendar_name": "Ada",
        "title": f"Event {name}",
        "start": start,
        "end": start + timedelta(hours=1),
        "all_day": False,
        "zone": "Europe/Berlin",
        "status": EventStatus.CONFIRMED,
        "busy": True,
    }
    return Event(**given | fields)


def mail(name: str, hours: float = -1, **fields: Any) -> RecentMessage:
    """A mail of so many hours ago."""
    given: dict[str, Any] = {
        "id": f"{ACCOUNT}.{name}",
        "account_id": ACCOUNT,
        "thread_id": f"{ACCOUNT}.thread-{name}",
        "from_": Party(name="Bram Okafor", email="bram@friends.example"),
        "to": [Party(name="Ada", email="ada@home.example")],
        "subject": f"Mail {name}",
        "snippet": "",
        "date": NOW + timedelta(hours=hours),
        "unread": False,
        "starred": False,
        "from_me": False,
        "labels": ["inbox"],
        "has_attachments": False,
        "text": f"Text of {name}.",
        "answered": False,
        "last_in_thread": True,
    }
    return RecentMessage(**given | fields)


class Office:
    """Answers with what it was given; a function among the mails or events is called, and may fail or take long."""

    def __init__(
        self,
        events: list[Event] | Callable[[], list[Event]] = list,
        mails: list[RecentMessage] | Callable[[], list[RecentMessage]] = list,
        about: dict[str, list[RecentMessage]] | None = None,
        errors: list[AccountError] | None = None,
        more: bool = False,
    ) -> None:
        self._events, self._mails, self._about = events, mails, about or {}
        self._errors, self._more = errors or [], more
        self.windows: list[tuple[datetime, datetime]] = []
        self.queries: list[MailQuery | None] = []
        self.seconds_allowed: list[float] = []

    def between(self, person: UserId, start: datetime, end: datetime, /, *, limit: int) -> ComingEvents:
        """As `lib.office.events.between`."""
        self.windows.append((start, end))
        found = self._events() if callable(self._events) else self._events
        return ComingEvents(events=found[:limit], errors=self._errors, more=len(found) > limit)

    def recent(self, person: UserId, /, *, since: datetime, limit: int, query: MailQuery | None = None) -> RecentMail:
        """As `lib.office.mail.recent`."""
        self.queries.append(query)
        self.seconds_allowed.append(current().remaining().total_seconds())
        if query is not None:
            return RecentMail(messages=self._about.get((query.text or "").strip('"'), []), errors=[])
        found = self._mails() if callable(self._mails) else self._mails
        return RecentMail(messages=found[:limit], errors=self._errors, more=self._more)


def late(seconds: float) -> Callable[[], Any]:
    """Takes so long; nothing comes of it."""

    def wait() -> list[Any]:
        time.sleep(seconds)
        return []

    return wait


def broken(error: Exception) -> Callable[[], Any]:
    """Fails."""

    def fail() -> list[Any]:
        raise error

    return fail
