"""A running Briefly as tests see it: people who sign up, connect accounts and call functions."""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import grpc
import requests
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport

from lib.core import clock
from scripts.local.call import Caller
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import PROJECT, REGION, service_account
from scripts.local.state import State

PATIENCE_SECONDS = 20.0
BETWEEN_SECONDS = 0.02
ADA = "ada.lindqvist@gmail.example"
BRAM = "bram.okafor@gmail.example"
ADA_MICROSOFT = "ada.lindqvist@outlook.example"
BRAM_MICROSOFT = "bram.okafor@outlook.example"

_T = TypeVar("_T")


def eventually(look: Callable[[], _T | None], seconds: float = PATIENCE_SECONDS) -> _T:
    """What `look` finds, as soon as it finds something. Fails when it does not in time."""
    patience = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < patience, f"nothing found within {seconds} s"
        time.sleep(BETWEEN_SECONDS)


@dataclass
class Client:
    """Somebody who calls functions as the gateway does for them."""

    user: str
    email: str
    briefly: "Briefly"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        sensitive: bool = False,
        stream: bool = False,
        patience: float | None = None,
        **headers: str,
    ) -> requests.Response:
        """Call a function; the path begins with its name. Underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        return self.briefly.caller.call(
            method, path, self.user, data=text, headers=named, sensitive=sensitive, stream=stream, patience=patience
        )

    def get(self, path: str, expected: int = 200) -> Any:
        """The document at a path."""
        answer = self.call("GET", path)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def post(self, path: str, body: Any, expected: int = 200, **options: Any) -> Any:
        """What a function answers to the body."""
        answer = self.call("POST", path, body, **options)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    def in_another_session(self) -> "Client":
        """The same person, signed in once more."""
        return Client(self.user, self.email, Briefly(self.briefly.state, Caller(self.briefly.state)))

    def begin_connecting(self, provider: str, email: str) -> str:
        """Begin to connect an account of this address; where to consent."""
        redirect = self.briefly.state.endpoints.redirect_url(provider)
        wish = {"provider": provider, "redirect_url": redirect, "login_hint": email}
        return str(self.post("/accounts/connections", wish, 201)["authorize_url"])

    def consent_at(self, provider: str, email: str) -> dict[str, str]:
        """Begin to connect an account and consent; what the provider sends the person back with."""
        query = sent_back(self.begin_connecting(provider, email))
        return {name: query[name] for name in ("state", "code", "iss") if name in query}

    def code_at(self, provider: str, email: str) -> tuple[str, str]:
        """A code for an account of this address, and the verifier that belongs to it (RFC 7636)."""
        begun = urlsplit(self.begin_connecting(provider, email))
        verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = dict(parse_qsl(begun.query)) | {"code_challenge": urlsafe_b64encode(digest).decode().rstrip("=")}
        if "nonce" in asked:
            asked["nonce"] = digest.hex()
        return sent_back(begun._replace(query=urlencode(asked)).geturl())["code"], verifier

    def connect(self, provider: str, email: str) -> str:
        """Connect an account by OAuth; its id."""
        account = self.post("/accounts/connections/finish", self.consent_at(provider, email), sensitive=True)
        return str(account["id"])

    def connect_google(self, email: str = ADA) -> str:
        """Connect a Google account; its id."""
        return self.connect("google", email)

    def connect_microsoft(self, email: str = ADA_MICROSOFT) -> str:
        """Connect a Microsoft account; its id."""
        return self.connect("microsoft", email)


def sent_back(authorize_url: str) -> dict[str, str]:
    """What a provider that asks nobody sends the browser back with."""
    returned = requests.get(authorize_url, allow_redirects=False, timeout=10)
    assert returned.status_code in (302, 303), returned.text
    return dict(parse_qsl(urlsplit(returned.headers["Location"]).query))


@dataclass
class Briefly:
    """One running copy, shared by all tests of a run; every test brings people of its own."""

    state: State
    caller: Caller

    def control(self, service: str, method: str, path: str, body: Any = None) -> Any:
        """Ask a control API: `google`, `microsoft`, `models`, `clerk`, `google_cloud_control`, or `runner`, `push`."""
        own = {
            "runner": self.state.control,
            "push": self.state.push_control,
            "microsoft": self.state.endpoints.microsoft_control,
        }
        base = own.get(service) or getattr(self.state.endpoints, service)
        answer = requests.request(method, f"{base}/_control/{path}", json=body, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def run_schedule(self, name: str) -> None:
        """Have Cloud Scheduler run a schedule of the catalogue now; here they never run by themselves."""
        endpoint = self.state.endpoints.scheduler.removeprefix("http://")
        with grpc.insecure_channel(endpoint) as channel:
            client = CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel))
            client.run_job(name=f"projects/{PROJECT}/locations/{REGION}/jobs/{name}")

    @contextmanager
    def models_that(self, **settings: Any) -> Iterator[None]:
        """The models behave otherwise for as long as the block."""
        before = self.control("models", "GET", "settings")
        self.control("models", "PUT", "settings", settings)
        try:
            yield
        finally:
            self.control("models", "PUT", "settings", before)

    def sign_up(self, user: str | None = None, email: str | None = None) -> Client:
        """A new person, known to Briefly by Clerk's webhook."""
        user = user or f"user_{secrets.token_hex(13)}"
        email = email or f"{user}@people.example"
        self.control(
            "clerk", "POST", "users", {"id": user, "first_name": "Test", "last_name": "Person", "email": email}
        )
        client = Client(user, email, self)
        eventually(lambda: client.call("GET", "/users/me").status_code == 200)
        return client

    def unseen_mailbox(self, seed: int, provider: str = "google") -> str:
        """The address of a generated person at a provider, which no other test connects."""

        def addresses() -> set[str]:
            return {each["email"] for each in self.control(provider, "GET", "people")["people"]}

        known = addresses()
        self.control(provider, "POST", "people", {"known": ["demo", "second"], "unseen": [seed]})
        (unseen,) = addresses() - known
        return unseen

    def renew_known_people(self, provider: str = "google") -> None:
        """Make the known people's mail and calendars anew for today: other tests may have moved the clock past it."""
        self.control(provider, "POST", "people", {"known": ["demo", "second"]})

    def as_function(
        self, name: str, function: str, path: str, person: str, body: Any, **headers: str
    ) -> requests.Response:
        """Call a function with the identity of another one, for a person."""
        tokens = IdentityTokens.from_file(self.state.identity_key)
        proof = tokens.mint(service_account(name), self.state.endpoints.function(function))
        proved = {"Authorization": f"Bearer {proof}", "X-Briefly-Person": person, "Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        text = body if isinstance(body, str) else json.dumps(body)
        return requests.post(
            f"{self.state.origin}/{function}{path}", data=text.encode(), headers=proved | named, timeout=60
        )

    def as_caller(self, name: str, method: str, function: str, path: str) -> requests.Response:
        """Call a function with the identity of another one, or of a machine, and for nobody."""
        proof = IdentityTokens.from_file(self.state.identity_key).mint(
            service_account(name), self.state.endpoints.function(function)
        )
        headers = {"Authorization": f"Bearer {proof}"}
        return requests.request(method, f"{self.state.origin}/{function}{path}", headers=headers, timeout=60)

    def move_clock(self, seconds: float) -> None:
        """Move the time of everything."""
        self.control("runner", "POST", "clock", {"seconds": seconds})

    def offset(self) -> float:
        """How far the clock was moved, in seconds."""
        return clock.offset().total_seconds()
