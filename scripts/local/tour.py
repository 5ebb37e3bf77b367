"""The tour: the main job once through, as a person does it in a browser, each step judged by what it brought.

Nothing is taken on trust from a status: names, cited ids, tokens and costs are compared with what the person is known
to hold at the local Google and Microsoft. A real model, which may put things in its own way, is only asked to cite
something of it.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import aiohttp

from lib.core.secrets import mounted_file
from scripts.local import STARTED, clock, model_cards, streamed_answer
from scripts.local.browser import Browser, Form, Page, Unexpected
from scripts.local.calendar_application import CalendarApplication
from scripts.local.credentials import GOOGLE_CLIENT_SECRET
from scripts.local.known_sources import KnownSources, known_among, missing
from scripts.local.process import InstanceFailed
from scripts.local.runner import LocalCloud
from scripts.local.streamed_answer import StreamedAnswer
from scripts.local.tour_report import Report

PERSON = "demo"
FUNCTIONS = ["webhooks", "on-user", "users", "accounts", "tokens", "chat", "stream", "usage", "on-usage"]
QUESTION = "What does my day look like, and who is waiting for an answer from me?"
SECOND_QUESTION = "What does my day look like?"
NEW_EVENT = "Fitting of the new lighthouse lamp"
PATIENCE_SECONDS = 20.0
BETWEEN_SECONDS = 0.05
LOCAL_MODELS = frozenset(name for name, _ in (*model_cards.MODELS, *model_cards.OTHERS))

_T = TypeVar("_T")


@dataclass
class Asked:
    """A question that was answered."""

    answer_id: str
    answer: StreamedAnswer


@dataclass
class Tour:
    """The steps, in their order; each returns a word about what it found, or raises `Unexpected`."""

    cloud: LocalCloud
    browser: Browser
    report: Report
    google: KnownSources
    microsoft: KnownSources
    asked: list[Asked] = field(default_factory=list)
    connected: dict[str, KnownSources] = field(default_factory=dict)
    google_client_id: str = ""
    conversation: str = ""

    @property
    def steps(self) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
        """Title and step."""
        return [
            ("Functions are started", self.warm),
            ("Clerk signs the person up, and its webhook tells Briefly", self.sign_up),
            ("The person connects a Google account", self.connect_google),
            ("The person connects a Microsoft account", self.connect_microsoft),
            ("The day of both accounts is told, and who waits for an answer", self.ask),
            ("An event that is added at Google is in the next answer", self.ask_again),
            ("Each answer is metered, once", self.meter),
        ]

    async def warm(self) -> str:
        """Start the functions side by side."""
        await self.cloud.supervisor.warm(FUNCTIONS)
        return f"{len(FUNCTIONS)} of them; ready {time.monotonic() - STARTED:.1f} s after the start"

    async def sign_up(self) -> str:
        """Clerk's webhook makes the person, who then says where they live."""
        await self.cloud.create_person(PERSON)
        await self.browser.sign_in(PERSON)
        await _eventually("/api/users/me", lambda: self._exists("/users/me"))
        profile = await self.browser.read("/users/me")
        _expect("The person's name", self.google.name, f"{profile['given_name']} {profile['family_name']}")
        wish = {"time_zone": self.google.time_zone}
        preferences = await self.browser.send("PATCH", "/users/me/preferences", wish)
        _expect("The person's time zone", self.google.time_zone, preferences["time_zone"])
        return f"{self.google.name}, {self.google.time_zone}"

    async def connect_google(self) -> str:
        """Through Google's page of consent and back to the gateway."""
        consented = await self._connect("google", self.google)
        self.google_client_id = parse_qs(urlsplit(consented.url).query)["client_id"][0]
        return f"{self.google.email} is connected"

    async def connect_microsoft(self) -> str:
        """Through Microsoft's, by HTTPS."""
        await self._connect("microsoft", self.microsoft)
        return f"{self.microsoft.email} is connected beside it"

    async def _connect(self, provider: str, known: KnownSources) -> Page:
        """The page on which the person consented."""
        hint = urlencode({"login_hint": known.email})
        asked = await self.browser.visit(f"/api/accounts/connect/{provider}?{hint}")
        back = await self.browser.submit(Form.of(asked), email=known.email, decision="allow")
        _expect("The page that the provider sends back to", f"/api/oauth/callback/{provider}", urlsplit(back.url).path)
        _expect("The status of connecting", 200, back.status if back.status == 200 else f"{back.status} {back.text}")
        accounts = (await self.browser.read("/accounts/"))["accounts"]
        seen = [(one["provider"], one["email"], one["health"]) for one in accounts if one["id"] not in self.connected]
        _expect("The new account", [(provider, known.email, "ok")], seen)
        self.connected |= {one["id"]: known for one in accounts if one["id"] not in self.connected}
        return asked

    async def ask(self) -> str:
        """The question, and an answer that cites what is known to be right."""
        self.conversation = (await self.browser.send("POST", "/chat/conversations", {}))["id"]
        answer = await self._ask(QUESTION)
        return self._judge(answer, missing(answer.sources, self.connected))

    async def ask_again(self) -> str:
        """An event more, which the second answer names."""
        event = await self._application().add_event(self.browser, self.google.email, self._new_event())
        answer = await self._ask(SECOND_QUESTION)
        account = next(name for name, known in self.connected.items() if known is self.google)
        names = self.google.event_names(account, event["id"])
        cited = [source for source in answer.sources if source.id in names]
        if NEW_EVENT not in answer.text and (self._is_local(answer) or not cited):
            raise Unexpected("The second answer", f"“{NEW_EVENT}” in it", answer.text)
        if self._is_local(answer):
            _expect("What is cited of the new event", [NEW_EVENT], [source.title for source in cited])
        return f"“{NEW_EVENT}”{''.join(f' as [{source.ref}]' for source in cited)}"

    async def meter(self) -> str:
        """Both answers in the person's usage, which hears of them through Pub/Sub."""
        wanted = sorted(asked.answer_id for asked in self.asked)

        async def all_counted() -> list[dict[str, Any]] | None:
            found: list[dict[str, Any]] = (await self.browser.read("/usage/models"))["events"]
            return found if {one["subject"] for one in found} >= set(wanted) else None

        events = await _eventually(f"the answers {', '.join(wanted)} in /api/usage/models", all_counted)
        _expect("The answers in the usage", wanted, sorted(event["subject"] for event in events))
        by_answer = {event["subject"]: event for event in events}
        for asked in self.asked:
            event, told = by_answer[asked.answer_id], asked.answer.metadata
            _expect("The metered model", told["model"], event["model"])
            _expect("The metered tokens", told["tokens"], event["tokens"])
            _expect("The metered cost", told["cost_micros"], event["cost"])
            if not (event["tokens"]["input"] + event["tokens"]["cached_input"] and event["tokens"]["output"]):
                raise Unexpected("The metered tokens", "some read and some written", event["tokens"])
            if self._is_local(asked.answer) and not event["cost"]:
                raise Unexpected("The metered cost", "more than nothing", event["cost"])
        return f"{len(events)} answers, {sum(event['cost'] for event in events) / 1e6:.4f} dollars"

    async def _ask(self, question: str) -> StreamedAnswer:
        wish = {"id": uuid.uuid4().hex, "text": question}
        self.report.question(question)
        posted = await self.browser.send("POST", f"/chat/conversations/{self.conversation}/messages", wish)
        try:
            answer = await streamed_answer.read(self.browser, f"/stream{posted['stream_path']}", self.report.show)
        finally:
            self.report.end_of_text()
        _expect("The end of the answer", ("stop", None, True), (answer.finish, answer.error, answer.ended))
        # What concerns no account is a bound that always holds, such as how many mails are read.
        lacking = [out for out in answer.context["left_out"] if out["account"]]
        _expect("What could not be read of the account", [], lacking)
        self.report.about(answer)
        self.asked.append(Asked(posted["answer_id"], answer))
        return answer

    def _judge(self, answer: StreamedAnswer, wrong: list[str]) -> str:
        if self._is_local(answer):
            _expect("What is wrong with the sources", [], wrong)
            events = sum(len(known.events) for known in self.connected.values())
            mails = sum(len(known.mails) for known in self.connected.values())
            return f"{events} events of today and {mails} unanswered mails of both accounts, all cited"
        cited = known_among(answer.sources, self.connected)
        if not cited:
            raise Unexpected("The sources", "one of the seeded events and mails", [one.id for one in answer.sources])
        return f"{len(cited)} seeded sources cited; of {answer.metadata['model']}, which is real, no more is asked"

    def _is_local(self, answer: StreamedAnswer) -> bool:
        return answer.metadata.get("model") in LOCAL_MODELS

    def _application(self) -> CalendarApplication:
        state = self.cloud.state
        secret = mounted_file(state.folder / "secrets" / "tokens", GOOGLE_CLIENT_SECRET).read_text(encoding="utf-8")
        endpoints = state.endpoints
        return CalendarApplication(endpoints.google, self.google_client_id, secret, endpoints.redirect_url("google"))

    def _new_event(self) -> dict[str, Any]:
        """In the middle of the person's day, so that it is today's whatever the time is."""
        zone = ZoneInfo(self.google.time_zone)
        start = clock.now().astimezone(zone).replace(hour=12, minute=20, second=0, microsecond=0)
        return {
            "summary": NEW_EVENT,
            "start": _time(start, self.google.time_zone),
            "end": _time(start + timedelta(minutes=25), self.google.time_zone),
        }

    async def _exists(self, path: str) -> bool:
        return await self.browser.status(path) == 200


async def take(cloud: LocalCloud) -> bool:
    """Take the tour and print it; whether every step succeeded. What follows a failed step is left out."""
    report = Report()
    async with Browser(cloud.origin, cloud.state.certificates) as browser:
        endpoints, user_id = cloud.state.endpoints, cloud.state.people[PERSON]
        google = await KnownSources.of(cloud.session, endpoints.google, user_id)
        microsoft = await KnownSources.of(cloud.session, endpoints.microsoft_control, user_id)
        tour = Tour(cloud, browser, report, google, microsoft)
        succeeded = True
        for title, step in tour.steps:
            succeeded = await _taken(report, title, step)
            if not succeeded:
                break
    report.places(cloud.state)
    return succeeded


async def _taken(report: Report, title: str, step: Callable[[], Awaitable[str]]) -> bool:
    began = time.monotonic()
    try:
        found = await step()
    except (Unexpected, InstanceFailed, aiohttp.ClientError, TimeoutError) as error:
        report.failed(title, time.monotonic() - began, str(error) or type(error).__name__)
        return False
    except (LookupError, TypeError, ValueError) as error:
        report.failed(title, time.monotonic() - began, f"an answer has another form: {error!r}")
        return False
    report.succeeded(title, time.monotonic() - began, found)
    return True


def _expect(what: str, expected: object, came: object) -> None:
    if expected != came:
        raise Unexpected(what, expected, came)


async def _eventually(what: str, look: Callable[[], Awaitable[_T | None]]) -> _T:
    """What `look` finds, as soon as it finds something. Raises `Unexpected` when it does not in time."""
    began = time.monotonic()
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise Unexpected("After waiting", what, f"nothing within {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(BETWEEN_SECONDS)


def _time(moment: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": moment.isoformat(), "timeZone": zone}
