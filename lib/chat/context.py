"""What a model is given to know about the person's days: events and mail, gathered at once and within a budget."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from lib.accounts.models import Account
from lib.ai import tokens
from lib.chat import relevance
from lib.chat.citations import Source
from lib.chat.guard import Block, Guard
from lib.chat.quotation import quotations
from lib.core import deadline, purpose, telemetry
from lib.core.deadline import Deadline
from lib.core.errors import DeadlineExceeded, Problem
from lib.core.store import UserId
from lib.office.models import AccountError, ComingEvents, Event, Party, RecentMail, RecentMessage, Response
from lib.office.queries import MailQuery
from lib.users import privacy
from lib.users.preferences import PrivacyControls
from lib.users.privacy import Switch

BUDGET = timedelta(seconds=2.5)
MAXIMUM_TOKENS = 16_000
EVENTS_AHEAD = timedelta(days=7)
EVENT_LIMIT = 100
MAIL_SINCE = timedelta(days=14)
MAIL_LIMIT = 40
RELEVANT_SINCE = timedelta(days=180)
RELEVANT_LIMIT = 6
BODY_CHARACTERS = 2000
NOTES_CHARACTERS = 600
_ANSWERING_MARGIN = timedelta(milliseconds=200)
"""So much earlier than we stop waiting, the office gives up on single accounts, and tells which."""
_ITEM_TOKENS = 60
"""What an item's attributes and tags come to."""
SWITCHED_OFF = "switched off in the privacy settings"


_T = TypeVar("_T")


class EventsComing(Protocol):
    """`lib.office.events.coming`."""

    def __call__(self, person: UserId, start: datetime, end: datetime, /, *, limit: int) -> ComingEvents: ...


class MailRecent(Protocol):
    """`lib.office.mail.recent`."""

    def __call__(
        self, person: UserId, /, *, since: datetime, limit: int, query: MailQuery | None = None
    ) -> RecentMail: ...


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the context lacks: of what, of which account ("" for all), and why."""

    what: str
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Context:
    """Events by their start and mail from the newest, each cited by its place: e1, e2, …; m1, m2, …"""

    now: datetime
    zone: ZoneInfo
    events: tuple[Event, ...] = ()
    mails: tuple[RecentMessage, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def sources(self, title: Callable[[str], str] = str) -> list[Source]:
        """Everything that an answer may cite, by titles made fit to be shown."""
        events = [
            Source(f"e{place}", "event", event.id, title(event.title), event.account_id, event.html_link)
            for place, event in enumerate(self.events, 1)
        ]
        mails = [
            Source(f"m{place}", "mail", mail.id, title(mail.subject), mail.account_id, mail.link)
            for place, mail in enumerate(self.mails, 1)
        ]
        return events + mails

    def guard(self, trusted: Iterable[str], answers: Iterable[str] = ()) -> Guard:
        """The gate for answers from this context. `trusted` is what the person wrote in the conversation.

        `answers` are the earlier ones in it. What they quote is others' text still, which this context may not hold.
        """
        quoted = [Block("earlier", text) for answer in answers for text in quotations(answer)]
        return Guard(
            [*self.blocks(), *quoted],
            trusted=trusted,
            allowed_links=self.allowed_links(),
            allowed_addresses=self.allowed_addresses(),
        )

    def blocks(self) -> list[Block]:
        """All text in the context that others wrote, or may have; each subject, body, name, … by itself."""
        events = [
            Block(f"e{place}", text) for place, event in enumerate(self.events, 1) for text in _texts_of_event(event)
        ]
        mails = [Block(f"m{place}", text) for place, mail in enumerate(self.mails, 1) for text in _texts_of_mail(mail)]
        return events + mails

    def allowed_links(self) -> frozenset[str]:
        """The providers' own pages of what is here, and where to join the meetings that the person means to attend."""
        pages = [event.html_link for event in self.events] + [mail.link for mail in self.mails]
        meetings = [event.meeting_url for event in self.events if _is_the_persons(event)]
        return frozenset(link for link in chain(pages, meetings) if link)

    def allowed_addresses(self) -> frozenset[str]:
        """The person's own, those that the person has written to, and those met in events that the person attends.

        Not those that merely wrote to the person: anybody can do that, under any address.
        """
        own = [mail for mail in self.mails if mail.from_me]
        written = [party.email for mail in own for party in chain(mail.to, mail.cc, [mail.from_] if mail.from_ else [])]
        met = [party.email for event in self.events if _is_the_persons(event) for party in event.attendees]
        mine = [party.email for event in self.events for party in event.attendees if party.is_me]
        return frozenset(address.lower() for address in chain(written, met, mine))

    def beginning(self, share: float) -> "Context":
        """The first part of the events and of the mails, in which each keeps its place and so its ref."""
        events, mails = self.events[: int(len(self.events) * share)], self.mails[: int(len(self.mails) * share)]
        dropped = _cut("events", len(self.events) - len(events)) + _cut("mail", len(self.mails) - len(mails))
        return replace(self, events=events, mails=mails, left_out=(*self.left_out, *dropped))

    def lacking(self, left_out: Iterable[LeftOut]) -> "Context":
        """The same, naming what else it lacks."""
        return replace(self, left_out=(*left_out, *self.left_out))

    def without_content(self) -> "Context":
        """Nothing but that there was no room for anything."""
        return replace(self, events=(), mails=(), left_out=(LeftOut("events and mail", "", "did not fit"),))

    def within(self, maximum_tokens: int) -> "Context":
        """As much of it as fits, which is the earliest events and the weightiest mail; refs are counted anew.

        Mail may take all that events leave, events at most half of everything.
        """
        events, spent = _fitting(self.events, _event_tokens, maximum_tokens // 2)
        ranked = sorted(self.mails, key=_weight, reverse=True)
        chosen, _ = _fitting(ranked, _mail_tokens, maximum_tokens - spent)
        kept = {mail.id for mail in chosen}
        mails = tuple(mail for mail in self.mails if mail.id in kept)
        return replace(
            self,
            events=events,
            mails=mails,
            left_out=(
                *self.left_out,
                *_cut("events", len(self.events) - len(events)),
                *_cut("mail", len(self.mails) - len(mails)),
            ),
        )


@purpose.of("answer a question")
def gather(
    person: UserId,
    question: str,
    zone: ZoneInfo,
    now: datetime,
    accounts: Sequence[Account] | Problem,
    *,
    allowed: PrivacyControls,
    budget: timedelta = BUDGET,
    maximum_tokens: int = MAXIMUM_TOKENS,
    events: EventsComing | None = None,
    mail: MailRecent | None = None,
) -> Context:
    """Today's and coming events, and the mail that is recent or has to do with the question; all asked for at once.

    `accounts` are the person's connected ones, or why they could not be read. What the person does not allow is not
    asked for. Never takes longer than the budget and never raises for a provider: what did not come is named in
    `left_out`.
    """
    if events is None or mail is None:
        from lib.office import events as office_events
        from lib.office import mail as office_mail
        from lib.office.sources import CONNECTED

        sources = replace(CONNECTED, accounts=lambda _: _known(accounts))
        events = events or partial(office_events.coming, sources=sources)
        mail = mail or partial(office_mail.recent, sources=sources)
    gathering = _Gathering(person, now, zone, events, mail)
    asked = gathering.questions(relevance.terms(question))
    answers = _ask_all([one for one in asked if privacy.allows(allowed, one.switch)], budget)
    context = gathering.context(answers)
    return context.within(maximum_tokens).lacking(_switched_off(allowed))


def _known(accounts: Sequence[Account] | Problem) -> list[Account]:
    if isinstance(accounts, Problem):
        raise accounts
    return list(accounts)


_Answer = ComingEvents | RecentMail | Exception


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    switch: Switch
    ask: Callable[[], ComingEvents | RecentMail]


@dataclass(frozen=True, slots=True)
class _Gathering:
    person: UserId
    now: datetime
    zone: ZoneInfo
    events: EventsComing
    mail: MailRecent

    def questions(self, terms: Sequence[str]) -> list[_Question]:
        midnight = self.now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        mail, events = Switch.CHAT_READS_MAIL, Switch.CHAT_READS_CALENDARS
        return [
            _Question(
                "events", events, lambda: self.events(self.person, midnight, midnight + EVENTS_AHEAD, limit=EVENT_LIMIT)
            ),
            _Question("mail", mail, lambda: self.mail(self.person, since=self.now - MAIL_SINCE, limit=MAIL_LIMIT)),
            *(_Question(f"mail about “{term}”", mail, self._about(term)) for term in terms),
        ]

    def _about(self, term: str) -> Callable[[], RecentMail]:
        about = MailQuery(text=f'"{term}"')
        return lambda: self.mail(self.person, since=self.now - RELEVANT_SINCE, limit=RELEVANT_LIMIT, query=about)

    def context(self, answers: Sequence[tuple[_Question, _Answer]]) -> Context:
        events: dict[str, Event] = {}
        mails: dict[str, RecentMessage] = {}
        left_out: dict[LeftOut, None] = {}
        for question, answer in answers:
            left_out.update(dict.fromkeys(_left_out(question.what, answer)))
            if isinstance(answer, ComingEvents):
                events |= {event.id: event for event in answer.events}
            elif isinstance(answer, RecentMail):
                mails |= {message.id: message for message in answer.messages}
        return Context(
            now=self.now.astimezone(self.zone),
            zone=self.zone,
            events=tuple(sorted(events.values(), key=lambda event: (self._instant(event), event.id))),
            mails=tuple(sorted(mails.values(), key=lambda one: (-one.date.timestamp(), one.id))),
            left_out=tuple(left_out),
        )

    def _instant(self, event: Event) -> datetime:
        """When the event begins; whole days begin at the person's midnight."""
        if isinstance(event.start, datetime):
            return event.start.astimezone(UTC)
        return datetime.combine(event.start, datetime.min.time(), self.zone).astimezone(UTC)


def _switched_off(allowed: PrivacyControls) -> list[LeftOut]:
    kinds = {"events": Switch.CHAT_READS_CALENDARS, "mail": Switch.CHAT_READS_MAIL}
    return [LeftOut(what, "", SWITCHED_OFF) for what, switch in kinds.items() if not privacy.allows(allowed, switch)]


def _ask_all(questions: Sequence[_Question], budget: timedelta) -> list[tuple[_Question, _Answer]]:
    """Each question's answer in order. Whoever is late is left behind on a thread that dies by its own deadline."""
    results: queue.SimpleQueue[tuple[int, _Answer]] = queue.SimpleQueue()

    def ask(place: int, question: _Question) -> None:
        try:
            with deadline.within(max(budget - _ANSWERING_MARGIN, budget / 2)):
                answer: _Answer = question.ask()
        except Exception as error:
            answer = error
        results.put((place, answer))

    limit = Deadline.after(budget)
    for place, question in enumerate(questions):
        context = copy_context()
        threading.Thread(target=context.run, args=(ask, place, question), name="context", daemon=True).start()
    answers: dict[int, _Answer] = {}
    while len(answers) < len(questions):
        try:
            place, answer = results.get(timeout=limit.remaining().total_seconds())
        except queue.Empty:
            break
        answers[place] = answer
    return [(question, answers.get(place, DeadlineExceeded())) for place, question in enumerate(questions)]


def _left_out(what: str, answer: _Answer) -> list[LeftOut]:
    if isinstance(answer, Problem):
        return [LeftOut(what, "", answer.title)]
    if isinstance(answer, Exception):
        telemetry.error("unhandled exception while gathering context", answer)
        return [LeftOut(what, "", Problem.title)]
    missing = [LeftOut(what, error.email, _reason(error)) for error in answer.errors]
    if isinstance(answer, ComingEvents) and answer.more:
        missing.append(LeftOut(what, "", f"only the first {len(answer.events)} were read"))
    if isinstance(answer, RecentMail) and answer.more and what == "mail":
        missing.append(LeftOut(what, "", f"only the newest {len(answer.messages)} were read"))
    return missing


def _reason(error: AccountError) -> str:
    return error.title if error.calendar_id is None else f"{error.title} (one calendar)"


def _fitting(items: Sequence[_T], cost: Callable[[_T], int], maximum: int) -> tuple[tuple[_T, ...], int]:
    kept: list[_T] = []
    spent = 0
    for item in items:
        if spent + cost(item) > maximum:
            break
        spent += cost(item)
        kept.append(item)
    return tuple(kept), spent


def _cut(what: str, number: int) -> list[LeftOut]:
    return [LeftOut(what, "", f"{number} more did not fit")] if number else []


def _weight(mail: RecentMessage) -> tuple[bool, bool, datetime]:
    """Mail that waits for the person weighs most, then what is unread, then what is new."""
    return (mail.last_in_thread and not mail.answered and not mail.from_me, mail.unread, mail.date)


def _event_tokens(event: Event) -> int:
    return _ITEM_TOKENS + sum(map(tokens.estimate, _texts_of_event(event)))


def _mail_tokens(mail: RecentMessage) -> int:
    return _ITEM_TOKENS + sum(map(tokens.estimate, _texts_of_mail(mail)))


def _is_the_persons(event: Event) -> bool:
    """Whether the person made the event or means to come; an invitation alone says nothing of its sender."""
    organises = any(party.is_me and party.organizer for party in event.attendees)
    return organises or event.my_response in (Response.ACCEPTED, Response.TENTATIVE)


def _texts_of_event(event: Event) -> list[str]:
    people = [*event.attendees, *([event.organizer] if event.organizer else [])]
    parts = [event.title, event.location, shortened(event.notes or "", NOTES_CHARACTERS), event.calendar_name]
    return [part for part in (*parts, *_names(people)) if part]


def _texts_of_mail(mail: RecentMessage) -> list[str]:
    people = [*([mail.from_] if mail.from_ else []), *mail.to]
    parts = [mail.subject, shortened(mail.text, BODY_CHARACTERS)]
    return [part for part in (*parts, *_names(people)) if part]


def _names(people: Sequence[Party]) -> list[str]:
    return [text for party in people for text in (party.name, party.email)]


def shortened(text: str, characters: int) -> str:
    """The beginning of a text, marked where it was cut."""
    return text if len(text) <= characters else text[:characters].rstrip() + " […]"
