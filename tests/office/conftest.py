"""A Google of the office's own, reached over the wire by the real adapters; tokens come from it directly."""

import secrets as random_text
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.accounts.models import Account, Provider
from lib.core import cursor, secrets, settings
from lib.core.secrets import SecretSettings
from lib.office.calling import Caller
from lib.office.google.calendar import GoogleCalendar
from lib.office.google.client import CALENDAR, GMAIL, GoogleApi, GoogleClient
from lib.office.google.mail import GoogleMail
from lib.office.google.settings import GoogleApiSettings
from scripts.local.google import GoogleConfig, GoogleHandle, seeded_people, serve
from scripts.local.people.models import Message
from tests.mounting import mount
from tests.office.rig import OWNER, Loop, Rig, healthy, put_back

READING = (
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
)


@dataclass
class Office(Rig):
    """The running Google, and readers of it for the two known people's accounts."""

    handle: GoogleHandle
    loop: Loop

    @property
    def control_url(self) -> str:
        return self.handle.url

    def issue(self, email: str, scopes: Sequence[str]) -> str:
        async def issue() -> str:
            return self.handle.google.grants.issue_access_token(email, tuple(scopes), True).value

        return self.loop.run(issue())

    def client(self, account: Account, api: GoogleApi) -> GoogleClient:
        return GoogleClient(api, Caller(OWNER, account, self, safeguards=self.safeguards))

    def mail(self, account: Account) -> GoogleMail:
        return GoogleMail(OWNER, account, self.client(account, GMAIL))

    def calendar(self, account: Account) -> GoogleCalendar:
        return GoogleCalendar(OWNER, account, self.client(account, CALENDAR))

    def message_id(self, account: Account, message: Message) -> str:
        return message.id

    def event_id(self, account: Account, key: str) -> str:
        return key


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
    people = [account.person for account in handle.google.accounts.by_email.values()]
    rig = Office(**healthy(people, Provider.GOOGLE, READING), handle=handle, loop=loop)
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
    put_back(GoogleApiSettings, before)


@pytest.fixture(scope="module")
def cursor_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A key to make cursors with."""
    folder: Path = tmp_path_factory.mktemp("secrets")
    mount(folder, cursor.SECRET, random_text.token_hex(16))
    before = settings._loaded.get(SecretSettings)
    settings._loaded[SecretSettings] = SecretSettings(secrets_dir=str(folder))
    secrets._cache.clear()
    yield
    secrets._cache.clear()
    put_back(SecretSettings, before)
