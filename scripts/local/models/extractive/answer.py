"""Answers a question from the facts of the context that bear on it, or says that there are none."""

import re
from dataclasses import replace

from scripts.local.models import context_blocks
from scripts.local.models.context_blocks import Context
from scripts.local.models.conversation import Conversation
from scripts.local.models.extractive import question as questions
from scripts.local.models.extractive.intents import intents, looked_up
from scripts.local.models.extractive.wording import sentences

NO_CONTEXT = "I was given neither calendar nor mail, so I cannot answer from them."
NOTHING = "I found nothing about that in the calendar and mail that I was given."
FOLLOW_UP = re.compile(r"^(and|what about|how about|also)\b")
SUMMARY = re.compile(r"\bsummari[sz]e\b|\bsummary of (the|this|our) conversation\b")


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
    question = questions.read(asked[-1], context)
    if FOLLOW_UP.match(question.lower) and len(asked) > 1 and (not question.topic or not intents(question)):
        earlier = questions.read(asked[-2], context)
        question = replace(earlier, span=question.span or earlier.span, person=question.person or earlier.person)
    answers = [intent(context, question) for intent in intents(question)]
    answers = [one for one in answers if one]
    return list(dict.fromkeys(answers)) or [one for one in (looked_up(context, question),) if one]


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
