"""The local cloud in which everything is measured, its people, and requests as a process of a function gets them."""

import asyncio
import json
import os
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lib.core.identity import PERSON_HEADER
from scripts.local.admission import Admission
from scripts.local.call import Caller
from scripts.local.gateway_sessions import BrowserSession, BrowserSessions
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import PROJECT, service_account
from scripts.local.runner import LocalCloud, Options
from scripts.local.signing import GatewayKey, GatewaySigner, Outgoing

PATIENCE_SECONDS = 30.0
BETWEEN_SECONDS = 0.05
NEEDED = ("webhooks", "on-user", "users", "accounts", "tokens", "chat", "stream")
GENEROUS = {
    "REQUESTS_PER_MINUTE": "1000000",
    "MODEL_SPEND_PER_DAY": "1000000000000",
    "GOOGLE_GMAIL_UNITS_PER_MINUTE": "100000000",
    "GOOGLE_CALENDAR_REQUESTS_PER_MINUTE": "1000000",
    "MICROSOFT_REQUESTS_PER_TEN_MINUTES": "10000000",
}
"""The limits are counted as ever, but nobody who measures may run into them. An answer spends a sixth of what Gmail
allows a person in a minute: one after another, they would soon be answered without mail, or wait for it.
"""
GENEROUS_AT_GOOGLE = {
    "gmail_user": 100_000_000,
    "gmail_project": 100_000_000,
    "calendar_user": 1_000_000,
    "calendar_project": 1_000_000,
}
GENEROUS_AT_MICROSOFT = {"requests": 10_000_000}
_CONTROLS = {"google": "google", "microsoft": "microsoft_control"}


class SetUpFailed(Exception):
    """The surroundings did not come about. The message says what went wrong."""


@dataclass(frozen=True)
class Ask:
    """A request as the container of a function gets it: Cloud Run has checked and stripped the caller's token."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass
class Person:
    """Somebody signed in."""

    user: str
    session: BrowserSession


class Surroundings:
    """A running copy. `settings` go into every function that is started from now on."""

    def __init__(self, cloud: LocalCloud, settings: dict[str, str]) -> None:
        self.cloud = cloud
        self.settings = settings
        state = cloud.state
        identity = IdentityTokens.from_file(state.identity_key)
        self._identity = identity
        self._signer = GatewaySigner(GatewayKey.from_jwk(state.gateway_key), identity, state.origin)
        self._admission = Admission(identity.jwks(), service_account, state.endpoints.function)
        self._sessions = BrowserSessions(state.endpoints.clerk, state.clerk_secret_key, cloud.session)
        self._caller = Caller(state)

    async def sign_up(self, name: str = "") -> Person:
        """Somebody new, known to Briefly by Clerk's webhook; `demo` has a mailbox and calendars at Google."""
        if name:
            user = str((await self.cloud.create_person(name))["id"])
        else:
            user = f"user_{uuid.uuid4().hex[:26]}"
            known = {"id": user, "first_name": "Some", "last_name": "Body", "email": f"{user}@people.example"}
            await self.control("clerk", "users", known)
        person = Person(user, await self._sessions.begin(user))
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Clerk's webhook travels by itself, and nothing tells that it has arrived.
            while (await self._called(person, "GET", "/users/me"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(BETWEEN_SECONDS)
        return person

    async def connect(self, person: Person, provider: str, email: str) -> str:
        """Connect an account of the person's, consenting at once; the account's id. Raises `SetUpFailed`."""
        await self.control(_CONTROLS[provider], "auto_approve", {"enabled": True})
        redirect = self.cloud.state.endpoints.redirect_url(provider)
        wish = {"provider": provider, "redirect_url": redirect, "login_hint": email}
        started = await self.call(person, "POST", "/accounts/connections", wish)
        trusted = ssl.create_default_context(cafile=self.cloud.state.certificates)
        url = started["authorize_url"]
        async with self.cloud.session.get(url, allow_redirects=False, ssl=trusted) as returned:
            query = dict(parse_qsl(urlsplit(returned.headers["Location"]).query))
        taken = {name: query[name] for name in ("state", "code", "iss") if name in query}
        return str((await self.call(person, "POST", "/accounts/connections/finish", taken))["id"])

    async def call(self, person: Person, method: str, path: str, body: Any = None) -> Any:
        """What a function answers through the front door. Raises `SetUpFailed`."""
        status, text = await self._called(person, method, path, body)
        if status >= 400:
            raise SetUpFailed(f"{method} {path}: {status} {text}")
        return json.loads(text) if text else None

    async def read(self, person: Person, path: str) -> str:
        """The whole text that a function answers through the front door. Raises `SetUpFailed`."""
        status, text = await self._called(person, "GET", path)
        if status >= 400:
            raise SetUpFailed(f"GET {path}: {status} {text}")
        return text

    async def ask(self, person: Person, question: str, conversation: str = "") -> str:
        """Ask, in a new conversation if none is named; the id of the run that waits to be answered."""
        conversation = conversation or (await self.call(person, "POST", "/chat/conversations", {}))["id"]
        path = f"/chat/conversations/{conversation}/messages"
        posted = await self.call(person, "POST", path, {"id": uuid.uuid4().hex, "text": question})
        return str(posted["run"]["id"])

    async def control(self, service: str, path: str, body: Any) -> None:
        """Tell an emulator something by its control API."""
        url = f"{getattr(self.cloud.state.endpoints, service)}/_control/{path}"
        method = "PUT" if path == "settings" else "POST"
        async with self.cloud.session.request(method, url, json=body) as answer:
            answer.raise_for_status()

    async def rest(self, *kept: str) -> None:
        """Stop the functions that the front door has started, but for those named."""
        services = self.cloud.supervisor.services
        await asyncio.gather(*(services[name].scale(0) for name in services if name not in kept))

    async def asked_by(self, person: Person, function: str, target: str, method: str = "GET", body: bytes = b"") -> Ask:
        """A request of the gateway for a person."""
        token = await self._sessions.token(person.session)
        outgoing = Outgoing(function, method, target, body)
        return self._admitted(function, outgoing, self._signer.headers(person.user, token, outgoing, sensitive=False))

    def asked_by_sibling(self, person: Person, caller: str, function: str, target: str, body: Any) -> Ask:
        """A request of another function that names the person."""
        proof = self._identity.mint(service_account(caller), self.cloud.state.endpoints.function(function))
        outgoing = Outgoing(function, "POST", target, json.dumps(body).encode())
        headers = {"Authorization": f"Bearer {proof}", PERSON_HEADER: person.user}
        return self._admitted(function, outgoing, headers)

    def _admitted(self, function: str, outgoing: Outgoing, headers: Mapping[str, str]) -> Ask:
        row = self.cloud.supervisor.services[function].row
        typed = {"Content-Type": "application/json"} if outgoing.body else {}
        admitted = {**headers, **self._admission.admit(function, row, headers), **typed}
        return Ask(outgoing.method, outgoing.target, admitted, outgoing.body)

    async def _called(self, person: Person, method: str, path: str, body: Any = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body)
        answer = await asyncio.to_thread(self._caller.call, method, path, person.user, data=data, sensitive=True)
        return answer.status_code, answer.text


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """A local cloud for as long as the block, with the usual functions warm. Raises `NotReady`."""
    settings = dict(GENEROUS)
    with TemporaryDirectory(prefix="briefly-bench-") as folder:
        async with LocalCloud(Options(port=0, folder=Path(folder), settings=settings, schedules_run=False)) as cloud:
            _join(cloud)
            await cloud.supervisor.warm(list(NEEDED))
            around = Surroundings(cloud, settings)
            await around.control(_CONTROLS["google"], "quota", GENEROUS_AT_GOOGLE)
            await around.control(_CONTROLS["microsoft"], "quota", GENEROUS_AT_MICROSOFT)
            yield around


def _join(cloud: LocalCloud) -> None:
    """Let modules of `lib` that are called directly reach the same Firestore."""
    os.environ |= {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "K_SERVICE": "bench",
        "FUNCTION_URL": f"{cloud.origin}/{{name}}",
        "FIRESTORE_EMULATOR_HOST": cloud.state.endpoints.firestore.removeprefix("http://"),
        "PUBSUB_ENDPOINT": cloud.state.endpoints.pubsub,
    }
