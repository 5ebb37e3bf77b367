"""Answers about events: a day, the next meeting, how many, free time, overlaps, invitations, one event."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from scripts.local.models.context_blocks import Context, ContextEvent
from scripts.local.models.extractive.people import Named
from scripts.local.models.extractive.relevance import Relevance
from scripts.local.models.extractive.time_span import Span, named, today
from scripts.local.models.extractive.wording import shown

NOT_ANSWERED = "not-answered"
STATUS = {"tentative": "tentative", "declined": "declined", NOT_ANSWERED: "not answered yet"}
UNTITLED = "an event whose title I do not repeat"


def day(context: Context, span: Span | None, person: Named | None = None) -> str:
    """What the calendar holds in the span, in order."""
    span = span or today(context.now)
    events = [event for event in within(context, span) if person is None or person.attend(event)]
    whom = f" with {person.asked}" if person else ""
    if not events:
        return f"I see no events{whom} for {span.name} in what I was given."
    several_days = span.end - span.start > timedelta(days=1)
    lines = [_line(event, context, events, several_days) for event in events]
    return "\n".join([f"### Calendar for {span.name}", "", *lines])


def how_many(context: Context, span: Span | None, person: Named | None, only_meetings: bool) -> str:
    """The number of meetings (events that others attend) or of all timed events in the span."""
    span = span or today(context.now)
    timed = [event for event in within(context, span) if event.takes_place and not event.all_day]
    timed = [event for event in timed if person is None or person.attend(event)]
    counted = [event for event in timed if not only_meetings or _others(event, context)]
    rest = [event for event in timed if event not in counted]
    what = ("meeting" if only_meetings else "event") + ("" if len(counted) == 1 else "s")
    whom = f" with {person.asked}" if person else ""
    parts = [f"You have **{len(counted)}** {what}{whom} for {span.name}{':' if counted else '.'}"]
    if counted:
        parts += ["", *(_line(event, context, counted, False) for event in counted)]
    if rest:
        parts += ["", "Without other people there is also:", "", *(_line(event, context, [], False) for event in rest)]
    return "\n".join(parts)


def next_meeting(context: Context, span: Span | None, person: Named | None, topic: set[str]) -> str:
    """The first coming event with somebody, about something, or at all."""
    found = coming(context, span, person, topic)
    about = f" with {person.asked}" if person else " about that" if topic else ""
    if not found:
        return f"I see no coming meeting{about} in what I was given."
    later = f" After that: {_sentence(found[1], context)}" if len(found) > 1 else ""
    return f"Your next meeting{about}: {_sentence(found[0], context)}{later}"


def coming(context: Context, span: Span | None, person: Named | None, topic: set[str]) -> list[ContextEvent]:
    """The coming events with somebody, about something, or at all."""
    start, end = (span.start, span.end) if span else (context.now, datetime.max.replace(tzinfo=context.now.tzinfo))
    events = [event for event in context.events if event.takes_place and start <= event.start < end]
    if person is not None:
        return [event for event in events if person.attend(event)]
    if topic:
        return Relevance(context, topic).best(events, ())[0]
    return [event for event in events if not event.all_day]


def within(context: Context, span: Span | None) -> list[ContextEvent]:
    """The events that touch the span; all if there is none."""
    return [
        event
        for event in context.events
        if span is None
        or (event.start < span.end and (event.end > span.start or event.start == event.end == span.start))
    ]


def company(event: ContextEvent, context: Context) -> Named | None:
    """Who else comes; None if nobody does."""
    others = tuple(one for one in event.attendees if one[1] not in context.own)
    return Named(others, "those who come") if others else None


def at_an_end(context: Context, span: Span | None, only_meetings: bool, last: bool) -> str:
    """The first or the last event of a day, with its length."""
    span = span or today(context.now)
    timed = [event for event in within(context, span) if event.takes_place and not event.all_day]
    timed = [event for event in timed if not only_meetings or _others(event, context)]
    which, what = "last" if last else "first", "meeting" if only_meetings else "event"
    if not timed:
        return f"I see no {what} for {span.name} in what I was given."
    event = max(timed, key=lambda one: one.end) if last else timed[0]
    return f"The {which} {what} for {span.name}: {_sentence(event, context)} It lasts {_length(event)}."


def free(context: Context, span: Span | None) -> str:
    """Whether the span is free, what fills it and which gaps remain."""
    span = span or Span(context.now, today(context.now).end, "the rest of today")
    events = [event for event in within(context, span) if event.takes_place]
    busy = [event for event in events if not event.all_day]
    whole = [event for event in events if event.all_day]
    note = f"\n\nAll day: {', '.join(f'{_title(event)} [{event.ref}]' for event in whole)}." if whole else ""
    if not busy:
        return f"**Yes**, you are free: I see nothing timed for {span.name}.{note}"
    gaps = _gaps(span, busy)
    answer = "**No**, not entirely" if gaps else "**No**"
    lines = [f"{answer}: for {span.name} there is", "", *(_line(event, context, busy, False) for event in busy)]
    if gaps:
        lines += ["", "Free: " + ", ".join(f"{_clock(start)}–{_clock(end, start)}" for start, end in gaps) + "."]
    return "\n".join(lines) + note


def overlaps(context: Context, span: Span | None) -> str:
    """Pairs of events at the same time."""
    first, last = (span.start, span.end) if span else (context.now, datetime.max.replace(tzinfo=context.now.tzinfo))
    events = [
        event
        for event in context.events
        if event.takes_place and not event.all_day and event.end > first and event.start < last
    ]
    pairs = [(one, other) for i, one in enumerate(events) for other in events[i + 1 :] if _collide(one, other)]
    if not pairs:
        return "I see no overlapping events in what I was given."
    lines = [f"- {_sentence(one, context)} At the same time: {_sentence(other, context)}" for one, other in pairs]
    return "\n".join(["### Overlapping events", "", *lines])


def invitations(context: Context) -> str:
    """Coming events to which the person has not answered; empty if there are none."""
    found = [event for event in context.events if event.status == NOT_ANSWERED and event.end > context.now]
    if not found:
        return ""
    lines = [f"- {_sentence(event, context)}" for event in found]
    return "\n".join(["### Invitations without your answer", "", *lines])


def with_status(context: Context, span: Span | None, status: str) -> str:
    """The events that the person declined, or is unsure about."""
    found = [event for event in within(context, span) if event.status == status]
    if not found:
        return f"I see no {STATUS[status]} events in what I was given."
    return "\n".join(f"- {_sentence(event, context)}" for event in found)


def about(context: Context, topic: set[str], person: Named | None, span: Span | None) -> list[ContextEvent]:
    """The events that speak most of the topic; none if none speaks of enough of it."""
    events = [event for event in within(context, span) if person is None or person.attend(event)]
    return Relevance(context, topic).best(events, ())[0]


def details(context: Context, found: Sequence[ContextEvent], lasting: bool) -> str:
    """When and where the first of these events that is not over is, and who comes; the last if all are over."""
    ahead = [event for event in found if event.end > context.now] or found[-1:]
    if not ahead:
        return ""
    lines = [described(ahead[0])]
    if lasting:
        lines.append(f"- Length: {_length(ahead[0])} [{ahead[0].ref}]")
    if len(ahead) > 1:
        lines.append(f"- Again: {_sentence(ahead[1], context)}")
    return "\n".join(lines)


def described(event: ContextEvent) -> str:
    """When and where an event is and who comes."""
    lines = [f"**{_title(event)}** is on {_when(event)} [{event.ref}]{_remark(event)}"]
    if place := shown(event.location, ""):
        lines.append(f"- Place: {place} [{event.ref}]")
    if names := _names(event):
        lines.append(f"- People: {', '.join(names)} [{event.ref}]")
    return "\n".join(lines)


def _length(event: ContextEvent) -> str:
    """How long it takes, in hours and minutes."""
    hours, minutes = divmod(round((event.end - event.start).total_seconds() / 60), 60)
    told = [f"{hours} hour{'' if hours == 1 else 's'}"] if hours else []
    return " ".join([*told, *([f"{minutes} minutes"] if minutes or not hours else [])])


def _others(event: ContextEvent, context: Context) -> bool:
    return any(email not in context.own for _, email in event.attendees)


def _collide(one: ContextEvent, other: ContextEvent) -> bool:
    return one.start < other.end and other.start < one.end


def _gaps(span: Span, busy: list[ContextEvent]) -> list[tuple[datetime, datetime]]:
    gaps, free_from = [], span.start
    for event in sorted(busy, key=lambda event: event.start):
        if event.start > free_from:
            gaps.append((free_from, event.start))
        free_from = max(free_from, event.end)
    if free_from < span.end:
        gaps.append((free_from, span.end))
    return gaps


def _line(event: ContextEvent, context: Context, beside: list[ContextEvent], dated: bool) -> str:
    date = f"{event.start:%a} {event.start.day} {event.start:%b}, " if dated else ""
    hours = "all day" if event.all_day else f"{_clock(event.start)}–{_clock(event.end, event.start)}"
    clash = [
        other.ref
        for other in beside
        if other is not event
        and event.takes_place
        and other.takes_place
        and not (event.all_day or other.all_day)
        and _collide(event, other)
    ]
    overlap = f", overlaps with {' '.join(f'[{ref}]' for ref in clash)}" if clash else ""
    return f"- **{date}{hours}** {_title(event)}{_company(event, context)} [{event.ref}]{_remark(event)}{overlap}"


def _sentence(event: ContextEvent, context: Context) -> str:
    return f"**{_title(event)}**, {_when(event)}{_company(event, context)} [{event.ref}]{_remark(event)}."


def _when(event: ContextEvent) -> str:
    if event.all_day:
        last = event.end - timedelta(days=1)
        until = f" to {named(last.date())}" if last.date() > event.start.date() else ""
        return f"{named(event.start.date())}{until}, all day"
    return f"{named(event.start.date())}, {_clock(event.start)}–{_clock(event.end, event.start)}"


def _company(event: ContextEvent, context: Context) -> str:
    names = _names(event, context.own)[:4]
    place = shown(event.location, "")
    return (f", with {', '.join(names)}" if names else "") + (f", at {place}" if place else "")


def _names(event: ContextEvent, without: Collection[str] = ()) -> list[str]:
    """Attendees' names that may be shown; an address alone is not."""
    names = (shown(name, "") for name, email in event.attendees if email not in without)
    return [name for name in names if name]


def _title(event: ContextEvent) -> str:
    return shown(event.title, UNTITLED)


def _remark(event: ContextEvent) -> str:
    return f" ({STATUS[event.status]})" if event.status in STATUS else ""


def _clock(moment: datetime, since: datetime | None = None) -> str:
    """The time of day; midnight at the end of a day is 24:00."""
    if since is not None and moment.date() > since.date() and (moment.hour, moment.minute) == (0, 0):
        return "24:00"
    return f"{moment:%H:%M}"
