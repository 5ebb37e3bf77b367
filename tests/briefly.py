"""A running Briefly as tests see it: people who sign up, connect accounts and call functions."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests

from lib.core import clock
from scripts.local.call import Caller
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import service_account
from scripts.local.state import State

PATIENCE_SECONDS = 20.0
BETWEEN_SECONDS = 0.05
ADA = "ada.lindqvist@gmail.example"
BRAM = "bram.okafor@gmail.example"

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

    def consent_at_google(self, email: str) -> dict[str, str]:
        """Begin to connect a Google account and consent, as a browser would; what Google sends the person back with."""
        redirect = self.briefly.state.endpoints.redirect_url
        wish = {"provider": "google", "redirect_url": redirect, "login_hint": email}
        started = self.post("/accounts/connections", wish, 201)
        return self.consented(started["authorize_url"])

    def consented(self, authorize_url: str) -> dict[str, str]:
        """Consent at the provider; what it sends the person back with."""
        returned = requests.get(authorize_url, allow_redirects=False, timeout=10)
        assert returned.status_code in (302, 303), returned.text
        query = dict(parse_qsl(urlsplit(returned.headers["Location"]).query))
        return {name: query[name] for name in ("state", "code", "iss") if name in query}

    def connect_google(self, email: str = ADA) -> str:
        """Connect a Google account by OAuth; the account's id."""
        taken = self.consent_at_google(email)
        account = self.post("/accounts/connections/finish", taken, sensitive=True)
        return str(account["id"])


@dataclass
class Briefly:
    """One running copy, shared by all tests of a run; every test brings people of its own."""

    state: State
    caller: Caller

    def control(self, service: str, method: str, path: str, body: Any = None) -> Any:
        """Ask a control API: `google`, `models`, `clerk`, `google_cloud_control`, or `runner`, `push`."""
        own = {"runner": self.state.control, "push": self.state.push_control}
        base = own.get(service) or getattr(self.state.endpoints, service)
        answer = requests.request(method, f"{base}/_control/{path}", json=body, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

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

    def unseen_mailbox(self, seed: int) -> str:
        """The address of a generated person at Google, which no other test connects."""

        def addresses() -> set[str]:
            return {each["email"] for each in self.control("google", "GET", "people")["people"]}

        known = addresses()
        self.control("google", "POST", "people", {"known": ["demo", "second"], "unseen": [seed]})
        (unseen,) = addresses() - known
        return unseen

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

    def move_clock(self, seconds: float) -> None:
        """Move the time of everything."""
        self.control("runner", "POST", "clock", {"seconds": seconds})

    def offset(self) -> float:
        """How far the clock was moved, in seconds."""
        return clock.offset().total_seconds()
