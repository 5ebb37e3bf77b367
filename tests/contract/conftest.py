"""Each provider in turn, so that what the office promises is shown of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.accounts.models import Account, Provider
from lib.core import settings
from lib.office.calling import Api, Caller
from lib.office.microsoft.calendar import MicrosoftCalendar
from lib.office.microsoft.client import CALENDAR, MAIL, GraphClient
from lib.office.microsoft.mail import MicrosoftMail
from lib.office.microsoft.settings import GraphSettings
from scripts.local import certificates
from scripts.local.microsoft import MicrosoftConfig, MicrosoftHandle, seeded_people, serve
from scripts.local.microsoft.graph.identifiers import immutable_id
from scripts.local.people.models import Message
from tests.office.conftest import _configured, _google, cursor_key
from tests.office.conftest import office as google
from tests.office.rig import OWNER, Loop, Rig, healthy, put_back

__all__ = ["_configured", "_google", "cursor_key", "google"]

READING = ("Mail.Read", "Calendars.Read")


@dataclass
class MicrosoftRig(Rig):
    """The running Microsoft."""

    handle: MicrosoftHandle
    loop: Loop

    @property
    def control_url(self) -> str:
        return self.handle.control.url

    def issue(self, email: str, scopes: Sequence[str]) -> str:
        async def issue() -> str:
            return self.handle.microsoft.grants.issue_access_token(email, tuple(scopes)).value

        return self.loop.run(issue())

    def client(self, account: Account, api: Api) -> GraphClient:
        return GraphClient(api, Caller(OWNER, account, self, safeguards=self.safeguards))

    def mail(self, account: Account) -> MicrosoftMail:
        return MicrosoftMail(OWNER, account, self.client(account, MAIL))

    def calendar(self, account: Account) -> MicrosoftCalendar:
        return MicrosoftCalendar(OWNER, account, self.client(account, CALENDAR))

    def message_id(self, account: Account, message: Message) -> str:
        return immutable_id(account.email, "message", message.id)

    def event_id(self, account: Account, key: str) -> str:
        return immutable_id(account.email, "event", key)


@pytest.fixture(scope="session")
def _microsoft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MicrosoftHandle, Loop, Path]]:
    made = certificates.make(Path(tmp_path_factory.mktemp("certificates")))
    loop = Loop()
    config = MicrosoftConfig("client", "secret", ("http://127.0.0.1/back",), seeded_people, made.server)
    handle = loop.run(serve(config))
    yield handle, loop, made.bundle
    loop.run(handle.close())
    loop.stop()


@pytest.fixture
def microsoft(
    _microsoft: tuple[MicrosoftHandle, Loop, Path], cursor_key: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MicrosoftRig]:
    """The two known people at Microsoft."""
    handle, loop, bundle = _microsoft
    for variable in certificates.BUNDLE_VARIABLES:
        monkeypatch.setenv(variable, str(bundle))
    before = settings._loaded.get(GraphSettings)
    settings._loaded[GraphSettings] = GraphSettings(microsoft_graph_endpoint=handle.url)
    people = [account.person for account in handle.microsoft.graph.accounts.by_email.values()]
    rig = MicrosoftRig(**healthy(people, Provider.MICROSOFT, READING), handle=handle, loop=loop)
    rig.control("DELETE", "faults")
    rig.control("DELETE", "requests")
    rig.control("POST", "quota", {"requests": 10**6, "at_once": 4})
    yield rig
    rig.control("DELETE", "faults")
    rig.control("POST", "pages", {"short": False})
    rig.control("POST", "latency", {"seconds": 0})
    put_back(GraphSettings, before)


@pytest.fixture(params=["google", "microsoft"])
def rig(request: pytest.FixtureRequest) -> Rig:
    """A provider."""
    found: Rig = request.getfixturevalue(request.param)
    return found
