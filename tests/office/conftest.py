"""A Google of the office's own, reached over the wire by the real adapters; tokens come from it directly."""

import asyncio
import secrets as random_text
import threading
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from lib.accounts.models import Account, Provider
from lib.core import clock, cursor, secrets, settings
from lib.core.breaker import Breaker
from lib.core.retry import RetryBudget
from lib.core.secrets import SecretSettings
from lib.core.store import UserId
from lib.office.calling import Caller, Safeguards
from lib.office.google.calendar import GoogleCalendar
from lib.office.google.client import CALENDAR, GMAIL, GoogleApi, GoogleClient
from lib.office.google.mail import GoogleMail
from lib.office.google.settings import GoogleApiSettings
from lib.office.quota import QuotaLedger
from lib.office.sources import Sources
from scripts.local.google import GoogleConfig, GoogleHandle, seeded_people, serve
from scripts.local.people.models import Person
from tests.office.fakes import MemoryState

_T = TypeVar("_T")

READING = (
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
)
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


@dataclass
class Office:
    """The running Google, and readers of it for the two known people's accounts."""

    handle: GoogleHandle
    loop: Loop
    people: dict[str, Person]
    accounts: list[Account]
    safeguards: Safeguards
    handed_out: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def access_token(self, person: UserId, account_id: str, /, *, purpose: str, scopes: Sequence[str]) -> str:
        async def issue() -> str:
            grants = self.handle.google.grants
            return grants.issue_access_token(self._email(account_id), tuple(scopes), True).value

        if not self.handed_out or not self.handed_out[-1].startswith(f"{account_id} "):
            self.handed_out.append(f"{account_id} {self.loop.run(issue())}")
        return self.handed_out[-1].partition(" ")[2]

    def replace_refused(
        self, person: UserId, account_id: str, refused: str, /, *, purpose: str, scopes: Sequence[str]
    ) -> str:
        self.refused.append(refused)
        self.handed_out.clear()
        return self.access_token(person, account_id, purpose=purpose, scopes=scopes)

    def client(self, account: Account, api: GoogleApi) -> GoogleClient:
        return GoogleClient(api, Caller(OWNER, account, self, safeguards=self.safeguards))

    def mail(self, account: Account) -> GoogleMail:
        return GoogleMail(OWNER, account, self.client(account, GMAIL))

    def calendar(self, account: Account) -> GoogleCalendar:
        return GoogleCalendar(OWNER, account, self.client(account, CALENDAR))

    def sources(self, *accounts: Account) -> Sources:
        connected = list(accounts) or self.accounts
        return Sources(
            accounts=lambda person: connected,
            account=lambda person, wanted: next((account for account in connected if account.id == wanted), None),
            mail=lambda person, account: self.mail(account),
            calendars=lambda person, account: self.calendar(account),
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.handle.url}/_control/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def arm(self, path_prefix: str, kind: str, **more: Any) -> None:
        match = {"path_prefix": path_prefix} | ({"user": more.pop("user")} if "user" in more else {})
        self.control("POST", "faults", {"match": match, "kind": kind, **more})

    def calls(self) -> list[str]:
        """The operations that reached Google outside of batches, in order."""
        return [str(call["operation"]) for call in self.control("GET", "requests")["requests"] if not call["batched"]]

    def _email(self, account_id: str) -> str:
        return next(account.email for account in self.accounts if account.id == account_id)


@pytest.fixture(scope="session")
def _google() -> Iterator[tuple[GoogleHandle, Loop]]:
    loop = Loop()
    config = GoogleConfig("client", "secret", ("http://127.0.0.1/back",), seeded_people, gmail_units_per_minute=10**6)
    handle = loop.run(serve(config))
    yield handle, loop
    loop.run(handle.close())
    loop.stop()


@pytest.fixture
def office(_google: tuple[GoogleHandle, Loop], _configured: None) -> Iterator[Office]:
    """The two known people, in good health, with nobody's failures remembered."""
    handle, loop = _google
    guard, retries, ledger = Breaker("google", MemoryState()), RetryBudget(), QuotaLedger(10**6)
    for _ in range(100):
        retries.earn()
    people = {account.person.email: account.person for account in handle.google.accounts.by_email.values()}
    accounts = [
        Account(
            id=f"acc_{str(number) * 24}",
            provider=Provider.GOOGLE,
            email=email,
            scopes=list(READING),
            connected_at=clock.now() - timedelta(days=number),
            consented_at=clock.now() - timedelta(days=number),
        )
        for number, email in enumerate(people)
    ]
    safeguards = Safeguards(lambda name: guard, lambda name: retries, lambda name, units: ledger)
    rig = Office(handle, loop, people, accounts, safeguards)
    rig.control("DELETE", "faults")
    rig.control("DELETE", "requests")
    yield rig
    rig.control("DELETE", "faults")
    rig.control("POST", "pages", {"short": False})


@pytest.fixture
def _configured(_google: tuple[GoogleHandle, Loop], cursor_key: None) -> Iterator[None]:
    before = settings._loaded.get(GoogleApiSettings)
    settings._loaded[GoogleApiSettings] = GoogleApiSettings(google_api_endpoint=_google[0].url)
    yield
    _put_back(GoogleApiSettings, before)


@pytest.fixture(scope="module")
def cursor_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A key to make cursors with."""
    folder: Path = tmp_path_factory.mktemp("secrets")
    (folder / cursor.SECRET).write_text(random_text.token_hex(16))
    before = settings._loaded.get(SecretSettings)
    settings._loaded[SecretSettings] = SecretSettings(secrets_dir=str(folder))
    secrets._cache.clear()
    yield
    secrets._cache.clear()
    _put_back(SecretSettings, before)


def _put_back(group: type[settings.Settings], before: settings.Settings | None) -> None:
    settings._loaded.pop(group)
    if before is not None:
        settings._loaded[group] = before
