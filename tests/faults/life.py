"""Plays a person's schedule against the running copy, as that person's front end: it repeats what failed."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from lib.core import clock
from lib.core.telemetry import person_hash
from tests.briefly import Briefly, Client, sent_back
from tests.faults.reader import Reader
from tests.faults.schedule import Schedule, Step
from tests.faults.trouble import Trouble

PATIENCE_SECONDS = 40.0
MOST_TRIES = 10
LONG_PAGE = 30
"""So many that something of every account is among them."""
HONEST = frozenset((200, 201, 202, 204, 400, 404, 409, 422, 429, 502, 503, 504))
"""What may come of a request while things fail; 400 is a code that the provider does not take."""


@dataclass
class Question:
    """A question that was posted, the answers that the posting got, and its readers."""

    conversation: str
    wish: dict[str, Any]
    is_stopped: bool = False
    runs: set[str] = field(default_factory=set)
    readers: list[Reader] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/chat/conversations/{self.conversation}/messages"


@dataclass
class Life:
    """A person, what the person did, and everything that the person was told."""

    briefly: Briefly
    schedule: Schedule
    client: Client
    emails: dict[str, str]
    """The addresses of the accounts, by provider."""
    questions: list[Question] = field(default_factory=list)
    expiries: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """When access tokens expired, by provider."""
    told: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    met: list[tuple[str, str]] = field(default_factory=list)
    """Steps, and what was armed at them."""
    _conversation: str = ""

    def play(self, steps: tuple[Step, ...]) -> None:
        """Do this part of the schedule."""
        for step in steps:
            nonce = uuid.uuid4().hex[:12]
            for trouble in step.troubles:
                self.met.append((step.deed, trouble.name))
                for one in trouble.all:
                    self._arm(one, nonce)
            match step.deed:
                case "connect":
                    self._connect(step.provider)
                case "look":
                    self._look(step.askers)
                case "expire":
                    self._expire(step.provider, step.askers)
                case "ask":
                    self._ask(step, nonce)

    def note_expiry(self, providers: Iterable[str]) -> None:
        """From now on these providers take no access token that they gave out before."""
        for provider in providers:
            self.expiries[provider].append(clock.now())

    def settle(self) -> None:
        """With nothing going wrong any more: connect again what needs it, and see every answer to its end."""
        listed = self._insist("GET", "/accounts/")
        for account in listed.json()["accounts"] if listed else []:
            if account["health"] != "ok":
                self._connect(account["provider"])
        for question in self.questions:
            if not question.runs:
                self._post(question)
        readers = [reader for question in self.questions for reader in self._all_readers(question)]
        with ThreadPoolExecutor(max(1, len(readers))) as pool:
            list(pool.map(_read_to_the_end, readers))
        self._look(2, LONG_PAGE)

    def _connect(self, provider: str) -> None:
        """Connect an account, and begin again as long as it fails."""
        for _ in range(MOST_TRIES):
            taken = self._consent(provider)
            if taken is None:
                continue
            answer = self._call("POST", "/accounts/connections/finish", taken, sensitive=True)
            if answer is not None and answer.status_code == 200:
                return
        self.wrongs.append(f"the account at {provider} could not be connected in {MOST_TRIES} tries")

    def _all_readers(self, question: Question) -> list[Reader]:
        """Those who were there come back, and somebody reads it for the first time."""
        for run in question.runs:
            question.readers.append(Reader(self.client, run))
        return question.readers

    def _arm(self, trouble: Trouble, nonce: str) -> None:
        names = {
            "person": self.client.user,
            "hash": person_hash(self.client.user),
            "email": self.emails.get(trouble.provider or "", ""),
            "nonce": nonce,
        }
        where = {
            "front door": ("runner", "mishaps"),
            "provider": (trouble.provider or "", "faults"),
            "models": ("models", "faults"),
            "cloud": ("google_cloud_control", "faults"),
            "stall": ("runner", "stalls"),
        }
        service, path = where[trouble.where]
        self.briefly.control(service, "POST", path, trouble.armed(names))

    def _consent(self, provider: str) -> dict[str, str] | None:
        redirect = self.briefly.state.endpoints.redirect_url(provider)
        wish = {"provider": provider, "redirect_url": redirect, "login_hint": self.emails[provider]}
        started = self._call("POST", "/accounts/connections", wish)
        if started is None or started.status_code != 201:
            return None
        query = sent_back(str(started.json()["authorize_url"]))
        return {name: query[name] for name in ("state", "code", "iss") if name in query}

    def _look(self, askers: int, limit: int = 5) -> None:
        """Read mail and events from several tabs at once."""
        paths = [f"{('/mail/', '/events/')[number % 2]}?limit={limit}" for number in range(askers)]
        with ThreadPoolExecutor(askers) as pool:
            list(pool.map(lambda path: self._call("GET", path), paths))

    def _expire(self, provider: str, askers: int) -> None:
        """The provider takes the access token no more, which several notice at once."""
        self.note_expiry([provider])
        self.briefly.control(provider, "POST", "expire", {"what": "access_tokens", "user": self.emails[provider]})
        self._look(askers)

    def _ask(self, step: Step, nonce: str) -> None:
        conversation = self._conversation_to_ask_in()
        if conversation is None:
            return
        wish = {"id": uuid.uuid4().hex, "text": f"{step.question} ({nonce})"}
        question = Question(conversation, wish | ({"model": step.model} if step.model else {}))
        self.questions.append(question)
        with ThreadPoolExecutor(step.posts) as pool:
            list(pool.map(lambda _: self._post(question), range(step.posts)))
        if not question.runs:
            return
        (run, *_) = question.runs
        question.readers = [Reader(self.client, run) for _ in step.readers]
        with ThreadPoolExecutor(len(step.readers) + 1) as pool:
            for reader, reading in zip(question.readers, step.readers, strict=True):
                pool.submit(_read, reader, reading.leaves_after)
            if step.stops:
                question.is_stopped = True
                pool.submit(self._call, "POST", f"/chat/runs/{run}/stop")

    def _conversation_to_ask_in(self) -> str | None:
        """One for all questions; with an id of its own, so that it may be begun again."""
        self._conversation = self._conversation or f"con-{uuid.uuid4().hex}"
        begun = self._insist("POST", "/chat/conversations", {"id": self._conversation})
        return None if begun is None else self._conversation

    def _post(self, question: Question) -> None:
        answer = self._insist("POST", question.path, question.wish)
        if answer is not None:
            question.runs.add(str(answer.json()["run"]["id"]))

    def _insist(self, method: str, path: str, body: Any = None) -> requests.Response | None:
        """Ask until it succeeds; None, which is wrong, if it never does."""
        for _ in range(MOST_TRIES):
            answer = self._call(method, path, body)
            if answer is not None and answer.ok:
                return answer
        self.wrongs.append(f"{method} {path} did not succeed in {MOST_TRIES} tries")
        return None

    def _call(self, method: str, path: str, body: Any = None, *, sensitive: bool = False) -> requests.Response | None:
        """What was answered, which is written down; None if the answer was lost."""
        try:
            answer = self.client.call(method, path, body, sensitive=sensitive, patience=PATIENCE_SECONDS)
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
            # The latter is a connection that broke within the answer's body.
            return None
        self.told.append(answer.text)
        if answer.status_code not in HONEST:
            self.wrongs.append(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer


def begin(briefly: Briefly, schedule: Schedule, emails: dict[str, str]) -> Life:
    """Somebody new, whose life this is to be."""
    return Life(briefly, schedule, briefly.sign_up(), emails)


def _read(reader: Reader, leaves_after: tuple[int, ...]) -> None:
    """Leave and come back as planned, then stay as long as something comes."""
    for number in (*leaves_after, None, None):
        if not reader.read(number):
            return


def _read_to_the_end(reader: Reader) -> None:
    reader.patience = PATIENCE_SECONDS
    for _ in range(MOST_TRIES):
        if not reader.is_through:
            reader.read()
