"""How much of what a question is about an event or a mail speaks of; rare words say more than common ones."""

import math
from collections import Counter
from collections.abc import Iterable, Set

from scripts.local.models.context_blocks import Context, ContextEvent, ContextMail
from scripts.local.models.extractive.wording import key_words, sentences

ENOUGH = 0.6
"""The least share of a question's weight that an answer must speak of; below it, the honest answer is none."""


class Relevance:
    """Weighs the words of one question by how rare they are in one context."""

    def __init__(self, context: Context, topic: Set[str]) -> None:
        self._topic = frozenset(topic)
        self._events = {event.ref: words_of_event(event) for event in context.events}
        self._mails = {mail.ref: words_of_mail(mail) for mail in context.mails}
        texts = [*self._events.values(), *self._mails.values()]
        frequency = Counter(word for words in texts for word in words & self._topic)
        self._weights = {word: math.log(1 + (len(texts) + 1) / (1 + frequency[word])) for word in self._topic}

    def best(
        self, events: Iterable[ContextEvent], mails: Iterable[ContextMail]
    ) -> tuple[list[ContextEvent], list[ContextMail]]:
        """Those that speak most of it, in their order; none if none speaks of enough of it."""
        scored_events = [(self._share(self._events[event.ref]), event) for event in events]
        scored_mails = [(self._share(self._mails[mail.ref]), mail) for mail in mails]
        top = max([ENOUGH, *(score for score, _ in scored_events), *(score for score, _ in scored_mails)])
        return (
            [event for score, event in scored_events if score == top],
            [mail for score, mail in scored_mails if score == top],
        )

    def _share(self, words: Set[str]) -> float:
        whole = sum(self._weights.values())
        return sum(self._weights[word] for word in self._topic & words) / whole if whole else 0.0


def words_of_event(event: ContextEvent) -> set[str]:
    """What an event is about: its title, its place and who comes."""
    return key_words(" ".join([event.title, event.location, *(name for name, _ in event.attendees)]))


def words_of_mail(mail: ContextMail) -> set[str]:
    """What a mail is about: its sender, its subject and its author's own sentences."""
    return key_words(" ".join([mail.sender[0], mail.subject, *sentences(mail.body)]))
