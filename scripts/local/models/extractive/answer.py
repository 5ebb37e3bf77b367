"""Understands a question well enough to know which facts of the context answer it, and puts these together."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from scripts.local.models import context_blocks
from scripts.local.models.context_blocks import Context
from scripts.local.models.conversation import Conversation
from scripts.local.models.extractive import letters, schedule
from scripts.local.models.extractive.people import Named, named_in
from scripts.local.models.extractive.time_span import Span, span_of
from scripts.local.models.extractive.vocabulary import ASKING, TIME
from scripts.local.models.extractive.wording import key_words, sentences, stem, words

NO_CONTEXT = "I was given neither calendar nor mail, so I cannot answer from them."
NOTHING = "I found nothing about that in the calendar and mail that I was given."
FOLLOW_UP = re.compile(r"^(and|what about|how about|also)\b")
ABOUT = re.compile(r"\b(?:about|regarding|concerning|on the subject of)\b(.*)", re.DOTALL)
SUMMARY = re.compile(r"\bsummari[sz]e\b|\bsummary of (the|this|our) conversation\b")

WAITING = re.compile(
    r"\bwait(s|ing)?\b|\bowe\b|\bunanswered\b|\bawait|(need|expect|want)s?\w* (a |an |my )?(answer|reply|response)"
    r"|\b(answer|reply to|respond to|get back to)\b(?!ed)|\bwho asked\b"
)
SCHEDULE_WORDS = re.compile(
    r"\bmy (day|week|morning|afternoon|evening|schedule|calendar|agenda|weekend)\b|\b(schedule|calendar|agenda)\b"
    r"|\blook(s)? like\b|\bwhat('s| is| do i have| have i got)\b.{0,20}\b(on|planned|up)\b|\bwhat do i have\b"
    r"|\bplan(s|ned)?\b|\b(meetings|events|appointments)\b"
)
BESIDE_THE_TOPIC = {stem(word) for word in TIME | ASKING}


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what it names."""

    text: str
    lower: str
    span: Span | None
    person: Named | None
    topic: frozenset[str]

    @property
    def about(self) -> frozenset[str]:
        """The words after "about", if there is such a word; there a weekday is a subject, not a time."""
        match = ABOUT.search(self.lower)
        return frozenset(key_words(match[1])) if match else frozenset()


def answer(conversation: Conversation) -> str:
    """The answer in markdown, each fact with the reference of its source."""
    texts = [turn.text for turn in conversation.turns]
    context = context_blocks.read(texts)
    asked = [context_blocks.without_blocks(turn.text) for turn in conversation.turns if turn.role == "user"]
    asked = [text for text in asked if text]
    instructions = " ".join(
        context_blocks.without_blocks(turn.text) for turn in conversation.turns if turn.role in ("system", "developer")
    )
    if SUMMARY.search(" ".join([instructions, *asked[-1:]]).lower()):
        return _summary(conversation)
    if context is None:
        return NO_CONTEXT
    if not asked:
        return NOTHING
    parts = _parts(asked, context)
    return "\n\n".join([*(parts or [NOTHING]), *_left_out(context)])


def _parts(asked: list[str], context: Context) -> list[str]:
    """The answers to what the last question asks; a mere "and tomorrow?" repeats the one before."""
    question = _question(asked[-1], context)
    if FOLLOW_UP.match(question.lower) and len(asked) > 1 and not _intents(question):
        earlier = _question(asked[-2], context)
        question = replace(earlier, span=question.span or earlier.span, person=question.person or earlier.person)
    answers = [intent(context, question) for intent in _intents(question)]
    answers = [one for one in answers if one]
    return list(dict.fromkeys(answers)) or [one for one in (_looked_up(context, question),) if one]


def _question(text: str, context: Context) -> Question:
    lower = text.lower().replace("’", "'")
    person = named_in(text, context)
    names = {stem(word) for name, _ in (person.people if person else ()) for word in words(name)}
    asked = {stem(word) for word in words(person.asked)} if person else set()
    topic = key_words(text) - BESIDE_THE_TOPIC - names - asked
    return Question(text, lower, span_of(lower, context.now), person, frozenset(topic))


Intent = Callable[[Context, Question], str]


def _intents(question: Question) -> list[Intent]:
    """What the question asks for, in the order of its clauses where it has several."""
    lower = question.lower
    if re.search(r"\bnewsletters?\b", lower):
        return [lambda c, q: letters.newsletters(c, "unread" in q.lower or "new " in q.lower, q.span)]
    if re.search(r"\bunread\b", lower):
        return [lambda c, q: letters.unread(c, q.person, q.span)]
    if _asks_what_was_written(lower):
        return [_written]
    found: list[Intent] = []
    if re.search(r"\bhow many\b.*\b(meetings?|events?|appointments?|calls?)\b", lower):
        only_meetings = not re.search(r"\b(events?|appointments?)\b", lower)
        found.append(lambda c, q: schedule.how_many(c, q.span, q.person, only_meetings))
    elif re.search(r"\b(conflicts?|overlap\w*|clash\w*|double.?book\w*)\b", lower):
        found.append(lambda c, q: schedule.overlaps(c, q.span))
    elif re.search(r"\b(free|available|busy|have time|time for|gaps?|free slots?)\b", lower):
        found.append(lambda c, q: schedule.free(c, q.span))
    elif re.search(r"\bdeclin\w+|\bturned down\b", lower):
        found.append(lambda c, q: schedule.with_status(c, q.span, "declined"))
    elif re.search(r"\btentative\w*|\bunsure\b", lower):
        found.append(lambda c, q: schedule.with_status(c, q.span, "tentative"))
    elif _asks_for_next(question):
        found.append(lambda c, q: schedule.next_meeting(c, q.span, q.person, set(q.topic)))
    elif re.search(r"\binvitations?\b|\binvited\b", lower) and not question.topic:
        found.append(lambda c, q: schedule.invitations(c) or "I see no invitation without your answer.")
    elif re.search(r"\b(when|where|what time|who)\b", lower) and question.topic and not WAITING.search(lower):
        found.append(lambda c, q: schedule.details(c, set(q.topic), q.person))
    elif SCHEDULE_WORDS.search(lower) or (question.span and not WAITING.search(lower)):
        found.append(lambda c, q: schedule.day(c, q.span, q.person))
    if WAITING.search(lower):
        found.append(_waiting)
    return found


def _written(context: Context, question: Question) -> str:
    if question.about:
        span = span_of(ABOUT.sub("", question.lower), context.now)
        return letters.wrote(context, question.person, set(question.about), span)
    return letters.wrote(context, question.person, set(question.topic), question.span)


def _waiting(context: Context, question: Question) -> str:
    people = letters.waiting(context, question.person)
    invitations = "" if question.person else schedule.invitations(context)
    return f"{people}\n\n{invitations}".strip()


def _asks_what_was_written(lower: str) -> bool:
    return bool(
        re.search(
            r"\b(what|did|has|have|which|when|show|any)\b.*\b(writ\w*|wrote|sa(y|id)|ask(ed|s)?|sen[dt]|t(ell|old))\b",
            lower,
        )
        or re.search(r"\b(mails?|emails?|messages?|word|news|heard?)\b.*\b(from|about)\b", lower)
    ) and not WAITING.search(lower)


def _asks_for_next(question: Question) -> bool:
    if re.search(r"\bnext\b.*\b(meeting|call|event|appointment|1:1|one-on-one|session)\b", question.lower):
        return True
    meets = re.search(r"\bwhen\b.*\b(meet|see|meeting|call|talk|speak|appointment|with)\b", question.lower)
    return bool(meets and question.person)


def _looked_up(context: Context, question: Question) -> str:
    """Nothing recognised: events and mails that share the question's words."""
    topic = set(question.topic)
    if question.person is not None:
        return letters.wrote(context, question.person, topic, question.span)
    if not topic:
        return ""
    found = [schedule.details(context, topic, None), letters.found_about(context, topic)]
    return "\n\n".join(one for one in found if one)


def _left_out(context: Context) -> list[str]:
    if not context.left_out:
        return []
    lines = []
    for one in context.left_out:
        account = f" of {one.account}" if one.account else ""
        lines.append(f"- {one.what}{account}: {one.reason}")
    return ["*Left out of what I was given:*\n\n" + "\n".join(lines)]


def _summary(conversation: Conversation) -> str:
    """The first sentence of each turn: what a summariser of conversations is asked for."""
    lines = []
    for turn in conversation.turns:
        own = sentences(context_blocks.without_blocks(turn.text))
        if turn.role in ("user", "assistant") and own and not SUMMARY.search(own[0].lower()):
            lines.append(f"- {turn.role}: {own[0]}")
    return "\n".join(lines) or NOTHING
