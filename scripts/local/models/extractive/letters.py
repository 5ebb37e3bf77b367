"""Answers about mail: who waits, what is unread, which newsletters, what somebody wrote."""

from collections.abc import Sequence
from datetime import timedelta

from scripts.local.models.context_blocks import Context, ContextMail
from scripts.local.models.extractive.asking import (
    is_newsletter,
    questions_in,
    waits_for_answer,
)
from scripts.local.models.extractive.people import Named
from scripts.local.models.extractive.relevance import Relevance
from scripts.local.models.extractive.time_span import Span, named
from scripts.local.models.extractive.wording import (
    addresses_a_model,
    key_words,
    quotable,
    quoted,
    sentences,
    shown,
)

LONGEST_LIST = 12
SILENT = "its text holds orders to an assistant, which I neither follow nor repeat"


def waiting(context: Context, person: Named | None = None) -> str:
    """The people whose question is the last word of a thread, newest first."""
    found = [mail for mail in context.mails if waits_for_answer(mail, context)]
    if person is not None:
        found = [mail for mail in found if person.matches(mail.sender)]
    if not found:
        whom = person.asked if person else "nobody"
        return f"In the mail that I was given, {whom} is {'not ' if person else ''}waiting for an answer from you."
    lines = [f"- {_head(mail, context)}{_first_question(mail)} [{mail.ref}]" for mail in found]
    return "\n".join(["### Waiting for your answer", "", *lines])


def newsletters(context: Context, only_unread: bool, span: Span | None) -> str:
    """The newsletters, all or unread."""
    found = [mail for mail in sent_within(context, span) if is_newsletter(mail) and (mail.unread or not only_unread)]
    return _listed(found, context, ("unread " if only_unread else "") + "newsletter")


def unread(context: Context, person: Named | None, span: Span | None) -> str:
    """The unread mails, of somebody or of all."""
    found = [mail for mail in sent_within(context, span) if mail.unread]
    if person is not None:
        found = [mail for mail in found if person.matches(mail.sender)]
    return _listed(found, context, "unread mail")


def wrote(context: Context, person: Named | None, topic: set[str], span: Span | None) -> str:
    """What somebody wrote, about something or lately; the sentences are quoted."""
    mails = [mail for mail in sent_within(context, span) if not mail.from_me]
    if person is not None:
        mails = [mail for mail in mails if person.matches(mail.sender)]
    who = person.asked if person else "anybody"
    if topic:
        mails = Relevance(context, topic).best((), mails)[1]
    if not mails:
        about = " about that" if topic else ""
        return f"I found no mail from {who}{about} in what I was given."
    lines = [f"- {_head(mail, context)}{_passage(mail, topic)} [{mail.ref}]" for mail in mails[:5]]
    return "\n".join(lines)


def told(context: Context, found: Sequence[ContextMail], topic: set[str]) -> str:
    """What the first of these mails say of the topic."""
    return "\n".join(f"- {_head(mail, context)}{_passage(mail, topic)} [{mail.ref}]" for mail in found[:3])


def sent_within(context: Context, span: Span | None) -> list[ContextMail]:
    """The mails of the span; all if there is none."""
    return [mail for mail in context.mails if span is None or span.start <= mail.date < span.end]


def owed(context: Context, person: Named | None = None) -> str:
    """What the mailbox's owner asked last in a thread, so that others owe the answer."""
    found = [mail for mail in context.mails if mail.from_me and mail.last_in_thread and questions_in(mail)]
    if person is not None:
        found = [mail for mail in found if any(map(person.matches, mail.to))]
    if not found:
        return "In the mail that I was given, I see no question of yours without an answer."
    lines = [f"- {_head(mail, context)}{_first_question(mail)} [{mail.ref}]" for mail in found]
    return "\n".join(["### Waiting for others", "", *lines])


def _listed(found: list[ContextMail], context: Context, what: str) -> str:
    if not found:
        return f"You have no {what}{'s' if not what.endswith('mail') else ''} in what I was given."
    plural = "" if len(found) == 1 else "s"
    lines = [f"- {_head(mail, context)} [{mail.ref}]" for mail in found[:LONGEST_LIST]]
    if len(found) > LONGEST_LIST:
        rest = " ".join(f"[{mail.ref}]" for mail in found[LONGEST_LIST:])
        lines.append(f"- and {len(found) - LONGEST_LIST} more {rest}")
    return "\n".join([f"You have **{len(found)}** {what}{plural}:", "", *lines])


def _head(mail: ContextMail, context: Context) -> str:
    """Sender, day and subject."""
    sender = shown(mail.sender[0], "") or "A sender whose name I do not repeat"
    subject = f", {quoted(' '.join(mail.subject.split()))}" if quotable(mail.subject) else ""
    return f"**{sender}** ({_day(mail, context)}){subject}"


def _first_question(mail: ContextMail) -> str:
    for sentence in questions_in(mail):
        if quotable(sentence):
            return f": {quoted(sentence)}"
    return ""


def _passage(mail: ContextMail, topic: set[str]) -> str:
    """The author's sentences about the topic, else the first ones; silence if the mail gives orders to a model."""
    if addresses_a_model(f"{mail.subject}\n{mail.body}"):
        return f": {SILENT}"
    own = [sentence for sentence in sentences(mail.body) if quotable(sentence) and len(sentence.split()) > 2]
    about = [sentence for sentence in own if topic & key_words(sentence)]
    chosen = (about or own)[:3]
    return ": " + " ".join(quoted(sentence) for sentence in chosen) if chosen else ""


def _day(mail: ContextMail, context: Context) -> str:
    age = context.now.date() - mail.date.date()
    if age <= timedelta():
        return f"today {mail.date:%H:%M}"
    if age == timedelta(days=1):
        return f"yesterday {mail.date:%H:%M}"
    return named(mail.date.date())
