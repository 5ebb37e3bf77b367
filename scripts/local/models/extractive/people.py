"""Which people a question names."""

import re
from dataclasses import dataclass

from scripts.local.models.context_blocks import Address, Context, ContextEvent
from scripts.local.models.extractive.vocabulary import ASKING, COMMON, TIME
from scripts.local.models.extractive.wording import folded, words

ASKED_FOR = re.compile(
    r"\b(?:with|from|did|does|has|is|see|meet|meeting|call|by)\s+"
    r"((?:[^\W\d_a-zß-öø-ÿ][\w’'.-]*)(?:\s+[^\W\d_a-zß-öø-ÿ][\w’'.-]*)*)"
)
NOT_NAMES = COMMON | ASKING | TIME


@dataclass(frozen=True, slots=True)
class Named:
    """The people whom a question names: known ones, and the name as asked for."""

    people: tuple[Address, ...]
    asked: str

    def matches(self, address: Address) -> bool:
        """Whether the address is one of them."""
        return any(address[1] == known[1] if known[1] else address[0] == known[0] for known in self.people)

    def attend(self, event: ContextEvent) -> bool:
        """Whether one of them is invited to the event, or the title names them."""
        title = set(words(event.title))
        return any(self.matches(one) for one in event.attendees) or any(
            words(name)[0] in title for name, _ in self.people if words(name)
        )


def named_in(question: str, context: Context) -> Named | None:
    """Whom the question names; None if nobody, and nobody known if the name is a stranger's."""
    asked = set(words(question))
    scores = [(len(asked & set(words(name))), (name, email)) for name, email in context.people if name]
    scores = [(score, person) for score, person in scores if score and _first_or_last(person[0], asked)]
    if scores:
        best = max(score for score, _ in scores)
        people = tuple(person for score, person in scores if score == best)
        return Named(people, " or ".join(dict.fromkeys(name for name, _ in people)))
    mentioned = [(name, email) for name, email in context.people if email and email in folded(question)]
    if mentioned:
        return Named(tuple(mentioned), mentioned[0][0] or "that address")
    stranger = ASKED_FOR.search(question)
    if stranger and folded(stranger[1]) not in NOT_NAMES and not _is_a_subject(stranger[1], context):
        return Named((), re.sub(r"[’']s$", "", stranger[1].strip(" .?!,")))
    return None


def _first_or_last(name: str, asked: set[str]) -> bool:
    """A middle part, or a company's second word, does not name anybody."""
    parts = words(name)
    return bool(parts) and any(part in asked and part not in NOT_NAMES for part in (parts[0], parts[-1]))


def _is_a_subject(name: str, context: Context) -> bool:
    """Whether a title or a subject has the name's first word: it is a thing then, and not somebody unknown."""
    titles = [*(event.title for event in context.events), *(mail.subject for mail in context.mails)]
    return words(name)[0] in {word for title in titles for word in words(title)}
