"""What a question wants to know, recognised by its words; what is not recognised is looked up by its subject."""

import re
from collections.abc import Callable

from scripts.local.models.context_blocks import Context
from scripts.local.models.extractive import letters, schedule
from scripts.local.models.extractive.question import ABOUT, Question
from scripts.local.models.extractive.relevance import Relevance
from scripts.local.models.extractive.time_span import span_of

Intent = Callable[[Context, Question], str]

OWED = re.compile(
    r"\b(am i|i am|i'm|are we) (still )?(waiting|expecting)\b|\bowes? (me|us)\b|\b(owe|owes|owed) to me\b"
    r"|\b(has|have)(n't| not) (yet )?(answered|replied|responded|written back|got(ten)? back)( to)? (me|us)\b"
    r"|\b(has|have)(n't| not) (yet )?(answered|replied to|responded to) my\b|\bhaven't i (yet )?heard\b"
    r"|\bmy (\w+ )?(questions?|mails?|requests?|messages?)\b.*\b(unanswered|answer|repl(y|ies)|response)\b"
    r"|\b(did i|i) ask\w*\b.*\b(unanswered|no (answer|reply))\b"
)
WAITING = re.compile(
    r"\bwait(s|ing)?\b|\bowe\b|\bunanswered\b|\bawait|\bhear\w* (back |something |anything |a word )?from (me|us)\b"
    r"|\b(need|expect|want|hop|get|got|had|lack|without)\w*\b.{0,20}\b(answer|repl(y|ies)|responses?|word|reaction)\b"
    r"|\b(answer|reply to|respond to|get back to|write back to|come back to)\b(?!ed)|\bwho asked\b"
    r"|\b(have|did|do)(n't| not| i not) (i )?(yet |still )?(answer|repl(y|ied)|respond)\w*"
    r"|\bleft (\w+ )?(hanging|without)\b"
    r"|\bexpect\w* (something|anything|\w+thing) (of|from) me\b|\bquestions?\b.{0,12}\b(to|for) me\b"
    r"|\b(pending|outstanding|overdue|open) (answers?|repl(y|ies)|responses?|questions?)\b"
    r"|\b(answers?|repl(y|ies)|responses?) (do i|are) (\w+ )?(owe|due|outstanding|pending|missing|open)\b"
)
MY_DAYS = re.compile(r"\bmy (day|week|morning|afternoon|evening|schedule|calendar|agenda|weekend)\b")
SCHEDULE_WORDS = re.compile(
    r"\b(schedule|calendar|agenda)\b|\bwhat('s| is| do i have| have i got)\b.{0,20}\b(on|planned|up)\b"
    r"|\blook(s)? like\b|\bwhat do i have\b|\bplan(s|ned)?\b|\b(meetings|events|appointments)\b"
)
ONE_AT_AN_END = re.compile(
    r"\b(first|earliest|last|latest|final)\b.{0,20}\b(meetings?|events?|appointments?|calls?|thing|item|commitment)\b"
    r"|\b(when|what time) (do|does|am|will|is|can) (i|my (work)?day|the day)\b"
    r".{0,20}\b(start|begin|end|finish|over|done|through)\w*\b"
)
LAST = re.compile(r"\b(last|latest|final|end|finish|over|done|through)\w*\b")
PREPARE = re.compile(
    r"\b(prepar\w*|prep|brief(ing)?|get ready|ready for|background|catch me up|up to speed|before i (meet|see|talk))\b"
)
MEETING = re.compile(
    r"\b(meet\w*|see|seeing|call|appointments?|event|1:1|one-on-one|session|catch up with|talk to|speak\w*|sit down)\b"
)
LENGTH = re.compile(r"\bhow (long|much time)\b|\b(duration|length|how many (minutes|hours))\b")
WRITTEN = re.compile(
    r"\b(what|did|has|have|which|when|show|any)\b.*\b(writ\w*|wrote|sa(y|id)|ask(ed|s)?|sen[dt]|t(ell|old))\b"
    r"|\b(mails?|emails?|messages?|word|news|new)\b.*\b(from|about)\b|\bhear\w*\b.*\b(from|about)\b"
)
PLACED = re.compile(r"\b(when|where|what time|who|how long|how much time|which (room|place))\b")


def intents(question: Question) -> list[Intent]:
    """What the question asks for, in the order of its clauses where it has several."""
    lower = question.lower
    if re.search(r"\bnewsletters?\b", lower):
        return [lambda c, q: letters.newsletters(c, "unread" in q.lower or "new " in q.lower, q.span)]
    if re.search(r"\bunread\b", lower):
        return [lambda c, q: letters.unread(c, q.person, q.span)]
    if OWED.search(lower):
        return [lambda c, q: letters.owed(c, q.person)]
    if PREPARE.search(lower):
        return [_briefing]
    if question.mails and question.person is None:
        return [lambda c, q: letters.told(c, q.mails, set(q.topic))]
    if WRITTEN.search(lower) and not WAITING.search(lower):
        return [_written]
    if question.titled:
        return [lambda c, q: schedule.details(c, q.titled, bool(LENGTH.search(q.lower)))]
    about_time = _of_the_calendar(question)
    return [*([about_time] if about_time else []), *([_waiting] if _asks_who_waits(question) else [])]


def looked_up(context: Context, question: Question) -> str:
    """Nothing recognised: events and mails that speak of enough of what the question is about."""
    topic = set(question.topic)
    if question.person is not None:
        coming = "" if topic else schedule.next_meeting(context, question.span, question.person, topic)
        return "\n\n".join([letters.wrote(context, question.person, topic, question.span), coming]).strip()
    if not topic:
        return ""
    events, mails = Relevance(context, topic).best(
        schedule.within(context, question.span), letters.sent_within(context, question.span)
    )
    found = [schedule.details(context, events, False), letters.told(context, mails, topic)]
    return "\n\n".join(one for one in found if one)


def _of_the_calendar(question: Question) -> Intent | None:
    lower, topic = question.lower, set(question.topic)
    if re.search(r"\bhow many\b.*\b(meetings?|events?|appointments?|calls?)\b", lower):
        only_meetings = not re.search(r"\b(events?|appointments?)\b", lower)
        return lambda c, q: schedule.how_many(c, q.span, q.person, only_meetings)
    if re.search(r"\b(conflicts?|overlap\w*|clash\w*|double.?book\w*)\b", lower):
        return lambda c, q: schedule.overlaps(c, q.span)
    if re.search(r"\b(free|available|busy|have time|time for|gaps?|free slots?)\b", lower):
        return lambda c, q: schedule.free(c, q.span)
    if re.search(r"\bdeclin\w+|\bturned down\b", lower):
        return lambda c, q: schedule.with_status(c, q.span, "declined")
    if re.search(r"\btentative\w*|\bunsure\b", lower):
        return lambda c, q: schedule.with_status(c, q.span, "tentative")
    if ONE_AT_AN_END.search(lower) and question.person is None:
        only_meetings, last = bool(re.search(r"\b(meetings?|calls?)\b", lower)), bool(LAST.search(lower))
        return lambda c, q: schedule.at_an_end(c, q.span, only_meetings, last)
    if _asks_for_next(question):
        return lambda c, q: schedule.next_meeting(c, q.span, q.person, topic)
    if re.search(r"\binvitations?\b|\binvited\b", lower) and topic <= {"invitation"}:
        return lambda c, q: schedule.invitations(c) or "I see no invitation without your answer."
    if PLACED.search(lower) and topic and not _asks_who_waits(question):
        return _details
    asks_for_days = SCHEDULE_WORDS.search(lower) or (question.span and not _asks_who_waits(question))
    if MY_DAYS.search(lower) or (asks_for_days and not topic):
        return lambda c, q: schedule.day(c, q.span, q.person)
    return None


def _asks_who_waits(question: Question) -> bool:
    return bool(WAITING.search(question.lower)) and not re.search(r"\binvitations?\b", question.lower)


def _asks_for_next(question: Question) -> bool:
    if re.search(r"\bnext\b.*\b(meeting|call|event|appointment|1:1|one-on-one|session)\b", question.lower):
        return True
    return question.person is not None and not question.topic and bool(MEETING.search(question.lower))


def _details(context: Context, question: Question) -> str:
    found = schedule.about(context, set(question.topic), question.person, question.span)
    return schedule.details(context, found, bool(LENGTH.search(question.lower)))


def _written(context: Context, question: Question) -> str:
    if question.about:
        span = span_of(ABOUT.sub("", question.lower), context.now)
        return letters.wrote(context, question.person, set(question.about), span)
    return letters.wrote(context, question.person, set(question.topic), question.span)


def _waiting(context: Context, question: Question) -> str:
    people = letters.waiting(context, question.person)
    invitations = "" if question.person else schedule.invitations(context)
    return f"{people}\n\n{invitations}".strip()


def _briefing(context: Context, question: Question) -> str:
    """The meeting to prepare for, and what those who come wrote lately."""
    titled = [event for event in question.titled if event.end > context.now]
    event = next(iter(titled or schedule.coming(context, question.span, question.person, set(question.topic))), None)
    if event is None:
        return letters.wrote(context, question.person, set(), None) if question.person else ""
    others = question.person or schedule.company(event, context)
    wrote = letters.wrote(context, others, set(), None) if others else ""
    return f"{schedule.described(event)}\n\n{wrote}".strip()
