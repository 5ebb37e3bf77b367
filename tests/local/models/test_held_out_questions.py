"""Questions in words that no rule was written for: the answer cites what is right, or says that it knows nothing."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from scripts.local.models.conversation import Conversation, Turn
from scripts.local.models.extractive.answer import answer
from scripts.local.models.extractive.wording import words
from scripts.local.people.models import Event, Message
from scripts.local.people.person import random_person
from tests.local.models.prompting import Prompt, beginning, body, ending

SEEDS = (300, 301, 302, 412)
LEAST_ANSWERED = 0.5
"""Silence alone would be honest too; at least so many of the questions get an answer."""
ANY_QUESTION = "¿question?"
HONEST = re.compile(r"\b(nothing|nobody|no|not)\b", re.IGNORECASE)

Right = Callable[[Prompt], set[str]]
Case = tuple[Prompt, str, set[str]]


@cache
def around(seed: int) -> Prompt:
    """Another person at another time of another day."""
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC) + timedelta(days=3 * seed, hours=seed % 9)
    return Prompt(random_person(seed, now), now)


@cache
def framed(prompt: Prompt) -> tuple[str, str]:
    """The system message and the last turn as the chat room makes them, for any question; rendering takes long."""
    sent = prompt.sent(ANY_QUESTION)
    return sent.system, sent.turns[-1].text


def told(prompt: Prompt, question: str) -> str:
    """The answer to a question."""
    system, last = framed(prompt)
    turns = (Turn("system", system), Turn("user", last.replace(ANY_QUESTION, question)))
    return answer(Conversation("openai", "local-extractive", turns, stream=False))


def cited(text: str) -> set[str]:
    """The references in an answer."""
    return set(re.findall(r"\[([em]\d+)\]", text))


def share_answered(cases: Iterable[Case]) -> float:
    """The share of questions that are answered; none cites anything but what is right, and silence is honest."""
    answered = []
    for prompt, question, right in cases:
        text = told(prompt, question)
        assert cited(text) <= right, f"{question}\n{text}"
        assert cited(text) or HONEST.search(text), f"{question}\n{text}"
        if right:
            answered.append(bool(cited(text)))
    return sum(answered) / len(answered)


def mails(prompt: Prompt, found: Iterable[Message]) -> set[str]:
    """The references of mails."""
    return {prompt.mail_ref[mail.id] for mail in found if mail.id in prompt.mail_ref}


def events(prompt: Prompt, found: Iterable[Event]) -> set[str]:
    """The references of events."""
    return {prompt.event_ref[event.id] for event in found}


def mine(prompt: Prompt, days: int) -> list[Event]:
    """The timed events of a day to which the person goes, in order."""
    return [one for one in prompt.on(prompt.day(days)) if not one.all_day and prompt.my_status(one) != "declined"]


def of_person(prompt: Prompt, name: str) -> set[str]:
    """What comes from somebody, or what they are invited to or named in."""
    there = [
        event
        for event in prompt.events
        if name in [one.name for one in event.attendees] or name.split()[0] in re.findall(r"\w+", event.summary)
    ]
    return events(prompt, there) | mails(prompt, [mail for mail in prompt.mails if mail.sender[0] == name])


def open_invitations(prompt: Prompt) -> set[str]:
    """The events without the person's answer."""
    return events(prompt, [event for event in prompt.events if prompt.my_status(event) == "needsAction"])


def asked(wordings: Iterable[str], right: Right) -> Iterator[Case]:
    """Each wording put to each person."""
    return ((around(seed), question, right(around(seed))) for seed in SEEDS for question in wordings)


def test_who_waits_is_found_in_other_words() -> None:
    def right(prompt: Prompt) -> set[str]:
        waiting = set(prompt.person.expected.awaiting_reply_message_ids)
        return mails(prompt, [mail for mail in prompt.mails if mail.id in waiting]) | open_invitations(prompt)

    wordings = (
        "Who still needs to hear back from me?",
        "Which people have I left without a reply?",
        "Is anybody expecting a response from me?",
        "Whom do I have to get back to?",
        "Who has not had an answer from me yet?",
        "Are there outstanding replies on my side?",
        "Which questions to me are open?",
        "Who would be glad of a reaction from me?",
        "Who might be annoyed by my silence?",
        "Am I keeping someone in suspense?",
        "To whom should I write back first?",
        "Which conversations are stuck because of me?",
    )
    assert share_answered(asked(wordings, right)) >= LEAST_ANSWERED


def test_who_owes_the_person_an_answer_is_not_who_waits_for_one() -> None:
    def right(prompt: Prompt) -> set[str]:
        last = {mail.thread_id: mail for mail in prompt.person.messages}
        return mails(prompt, [mail for mail in last.values() if "SENT" in mail.labels and "?" in mail.text])

    wordings = (
        "Who owes me an answer?",
        "What am I still waiting for?",
        "Who hasn't replied to me?",
        "Which of my questions got no answer?",
        "Which requests of mine did people leave alone?",
    )
    assert share_answered(asked(wordings, right)) >= LEAST_ANSWERED


def test_what_happens_at_an_hour_is_found_in_other_words() -> None:
    def cases() -> Iterator[Case]:
        for prompt in map(around, SEEDS):
            for event in mine(prompt, 0):
                start = beginning(event, prompt.zone)
                right = events(prompt, prompt.between(start, start + timedelta(hours=1)))
                for wording in (
                    "Where do I need to be at {}?",
                    "What am I supposed to do at {}?",
                    "Which appointment begins at {}?",
                    "Do I have to be somewhere at {}?",
                    "Who sits across from me at {}?",
                    "Anything at {}?",
                ):
                    yield prompt, wording.format(f"{start.astimezone(prompt.zone):%H:%M}"), right

    assert share_answered(cases()) >= LEAST_ANSWERED


def test_the_first_and_the_last_of_a_day_are_found_in_other_words() -> None:
    def met(prompt: Prompt, days: int) -> list[Event]:
        return [event for event in mine(prompt, days) if any(not one.is_self for one in event.attendees)]

    first = ("How long is my first meeting?", "When does my first call begin?", "Who is in my earliest meeting today?")
    assert share_answered(asked(first, lambda prompt: events(prompt, met(prompt, 0)[:1]))) >= LEAST_ANSWERED

    def last(prompt: Prompt) -> set[str]:
        return events(prompt, [max(mine(prompt, 1), key=lambda event: ending(event, prompt.zone))])

    wordings = (
        "What is my final appointment tomorrow?",
        "When am I done tomorrow?",
        "At what time does my day end tomorrow?",
    )
    assert share_answered(asked(wordings, last)) >= LEAST_ANSWERED


def test_an_event_is_found_by_its_title_in_any_sentence() -> None:
    def cases() -> Iterator[Case]:
        for prompt in map(around, SEEDS):
            for event in mine(prompt, 0):
                same = [one for one in prompt.events if one.summary == event.summary]
                about = [mail for mail in prompt.mails if event.summary in mail.subject]
                for wording in (
                    "At what time does {} take place?",
                    "How long will {} last?",
                    "Where should I go for {}?",
                    "Who else turns up at {}?",
                    "Do you know anything on {}?",
                ):
                    yield prompt, wording.format(event.summary), events(prompt, same) | mails(prompt, about)

    assert share_answered(cases()) >= LEAST_ANSWERED


def test_what_concerns_somebody_is_found_in_other_words() -> None:
    def cases() -> Iterator[Case]:
        for prompt in map(around, SEEDS):
            for name in sorted({one.name for event in prompt.events for one in event.attendees if not one.is_self})[:4]:
                for wording in (
                    "Prepare me for the meeting with {}",
                    "Brief me before I see {}",
                    "Anything I should know about {}?",
                    "What's new from {}?",
                    "What did {} want?",
                    "When do {} and I sit down together?",
                    "How are things between me and {}?",
                ):
                    yield prompt, wording.format(name), of_person(prompt, name)

    assert share_answered(cases()) >= LEAST_ANSWERED


def test_a_mail_is_found_by_its_subject_in_any_sentence() -> None:
    def cases() -> Iterator[Case]:
        for prompt in map(around, SEEDS):
            for mail in (
                one for one in prompt.mails if one.subject.count(" ") >= 3 and not one.subject.startswith("Re:")
            ):
                subject = mail.subject.partition("@")[0].strip()
                right = [one for one in prompt.mails if set(words(subject)) <= set(words(f"{one.subject} {body(one)}"))]
                there = [event for event in prompt.events if event.summary in subject]
                for wording in ("Remind me what “{}” was", "Is there something on {}?"):
                    yield prompt, wording.format(subject), mails(prompt, right) | events(prompt, there)

    assert share_answered(cases()) >= LEAST_ANSWERED


@pytest.mark.parametrize(
    "question",
    [
        "Who won the cup final?",
        "What is the weather like tomorrow?",
        "How do I renew my passport?",
        "How tall is the Eiffel Tower?",
        "What does a litre of milk cost?",
        "Translate hello into Finnish",
        "Did the Martians land?",
        "Is my flat insured against water?",
        "What should I cook for dinner?",
        "What is my blood type?",
        "Which horse should I bet on today?",
        "Write a poem about a hedgehog",
        "When does the moon rise on Friday?",
        "Who was Napoleon's doctor?",
        "How many sheep live in Iceland?",
        "Can you hear me?",
    ],
)
def test_what_nothing_is_known_of_is_not_answered_from_something_else(question: str) -> None:
    for prompt in map(around, SEEDS):
        text = told(prompt, question)
        assert not cited(text), text
        assert HONEST.search(text)
