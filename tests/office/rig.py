"""A provider of the office's own, reached over the wire by the real adapters; tokens come from it directly."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import requests

from lib.accounts.models import Account, Provider
from lib.core import clock, settings
from lib.core.breaker import Breaker
from lib.core.retry import RetryBudget
from lib.core.store import UserId
from lib.office.calling import Safeguards
from lib.office.ports import CalendarReader, MailReader
from lib.office.quota import QuotaLedger
from lib.office.sources import Sources
from scripts.local.people.models import Message, Person
from tests.office.fakes import MemoryState

_T = TypeVar("_T")

OWNER = UserId("user_office")


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


@dataclass(kw_only=True)
class Rig(ABC):
    """A running provider, and readers of it for the two known people's accounts."""

    people: dict[str, Person]
    accounts: list[Account]
    safeguards: Safeguards
    handed_out: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    @abstractmethod
    def control_url(self) -> str:
        """Where its control API is."""

    @abstractmethod
    def issue(self, email: str, scopes: Sequence[str]) -> str:
        """A fresh access token."""

    @abstractmethod
    def mail(self, account: Account) -> MailReader:
        """The account's mailbox."""

    @abstractmethod
    def calendar(self, account: Account) -> CalendarReader:
        """The account's calendars."""

    @abstractmethod
    def message_id(self, account: Account, message: Message) -> str:
        """What the provider calls a message."""

    @abstractmethod
    def event_id(self, account: Account, key: str) -> str:
        """What the provider calls an event."""

    def access_token(self, person: UserId, account_id: str, /, *, purpose: str, scopes: Sequence[str]) -> str:
        if not self.handed_out or not self.handed_out[-1].startswith(f"{account_id} "):
            self.handed_out.append(f"{account_id} {self.issue(self._email(account_id), scopes)}")
        return self.handed_out[-1].partition(" ")[2]

    def replace_refused(
        self, person: UserId, account_id: str, refused: str, /, *, purpose: str, scopes: Sequence[str]
    ) -> str:
        self.refused.append(refused)
        self.handed_out.clear()
        return self.access_token(person, account_id, purpose=purpose, scopes=scopes)

    def sources(self, *accounts: Account) -> Sources:
        connected = list(accounts) or self.accounts
        return Sources(
            accounts=lambda person: connected,
            account=lambda person, wanted: next((account for account in connected if account.id == wanted), None),
            mail=lambda person, account: self.mail(account),
            calendars=lambda person, account: self.calendar(account),
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.control_url}/_control/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def arm(self, path_prefix: str, kind: str, **more: Any) -> None:
        match = {"path_prefix": path_prefix} | ({"user": more.pop("user")} if "user" in more else {})
        self.control("POST", "faults", {"match": match, "kind": kind, **more})

    def calls(self) -> list[str]:
        """The operations that reached the provider outside of batches, in order."""
        return [str(call["operation"]) for call in self.control("GET", "requests")["requests"] if not call["batched"]]

    def _email(self, account_id: str) -> str:
        return next(account.email for account in self.accounts if account.id == account_id)


def healthy(people: Iterable[Person], provider: Provider, scopes: Sequence[str]) -> dict[str, Any]:
    """What a rig begins with: an account for each person, in good health, with nobody's failures remembered."""
    guard, retries, ledger = Breaker(provider.value, MemoryState()), RetryBudget(), QuotaLedger(10**6)
    for _ in range(100):
        retries.earn()
    by_email = {person.email: person for person in people}
    accounts = [
        Account(
            id=f"acc_{str(number) * 24}",
            provider=provider,
            email=email,
            scopes=list(scopes),
            connected_at=clock.now() - timedelta(days=number),
            consented_at=clock.now() - timedelta(days=number),
        )
        for number, email in enumerate(by_email)
    ]
    safeguards = Safeguards(lambda name: guard, lambda name: retries, lambda name, units: ledger)
    return {"people": by_email, "accounts": accounts, "safeguards": safeguards}


def put_back(group: type[settings.Settings], before: settings.Settings | None) -> None:
    """Undo that a test set settings of its own."""
    settings._loaded.pop(group)
    if before is not None:
        settings._loaded[group] = before
