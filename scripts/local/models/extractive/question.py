"""A question and what it names: a time, a person, a subject, an event or a mail by its title."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from scripts.local.models.context_blocks import Context, ContextEvent, ContextMail
from scripts.local.models.extractive.people import Named, named_in
from scripts.local.models.extractive.time_span import Span, span_of
from scripts.local.models.extractive.vocabulary import ASKING, TIME
from scripts.local.models.extractive.wording import key_words, stem, words

ABOUT = re.compile(r"\b(?:about|regarding|concerning|on the subject of)\b(.*)", re.DOTALL)
QUOTED = re.compile('[“„"][^“”"]*[“”"]')
LEAST_WORDS_OF_A_SUBJECT = 3
"""Shorter subjects, such as "Thank you", occur in sentences that do not mean them."""
BESIDE_THE_TOPIC = {stem(word) for word in TIME | ASKING}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what it names; `lower` is without what it quotes, which is a subject and no way of asking."""

    text: str
    lower: str
    span: Span | None
    person: Named | None
    topic: frozenset[str]
    titled: tuple[ContextEvent, ...]
    mails: tuple[ContextMail, ...]

    @property
    def about(self) -> frozenset[str]:
        """The words after "about", if there is such a word; there a weekday is a subject, not a time."""
        match = ABOUT.search(self.lower)
        return frozenset(key_words(match[1]) - _names(self.person)) if match else frozenset()


def read(text: str, context: Context) -> Question:
    """The question as its words say it."""
    lower = QUOTED.sub(" … ", text.lower().replace("’", "'"))
    person = named_in(text, context)
    span = span_of(lower, context.now)
    topic = key_words(text) - BESIDE_THE_TOPIC - _names(person)
    topic = {word for word in topic if span is None or not word.isdigit()}
    events = _titled(text, ((event.title, event) for event in context.events), 1)
    mails = _titled(text, ((mail.subject, mail) for mail in context.mails), LEAST_WORDS_OF_A_SUBJECT)
    return Question(text, lower, span, person, frozenset(topic), events, mails)


def _names(person: Named | None) -> set[str]:
    """The words by which the person may have been named."""
    if person is None:
        return set()
    return {stem(word) for name in (person.asked, *(name for name, _ in person.people)) for word in words(name)}


def _titled(text: str, titles: Iterable[tuple[str, _T]], least_words: int) -> tuple[_T, ...]:
    """Those whose title the question holds, word for word; of several titles the longest."""
    asked = f" {' '.join(words(text))} "
    folded = [(words(title), one) for title, one in titles]
    held = [(len(title), one) for title, one in folded if len(title) >= least_words and f" {' '.join(title)} " in asked]
    longest = max((length for length, _ in held), default=0)
    return tuple(one for length, one in held if length == longest)
