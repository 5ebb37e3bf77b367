"""The prompts that the chat room sends about a generated person, made by the chat room's own code."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from zoneinfo import ZoneInfo

from lib.ai.models import ModelCard
from lib.ai.models import Prompt as SentPrompt
from lib.ai.models import Turn as SentTurn
from lib.chat import prompt as prompts
from lib.chat.context import Context, LeftOut
from lib.office import models as office
from scripts.local.people.models import Attendee, Calendar, Event, Message, Person
from scripts.local.people.recurrence import WEEKDAYS, basic_utc, instance_id

ACCOUNT = "acc_000000000000000000000000"
CARD = ModelCard(id="local-extractive", provider="openai", window_tokens=1_000_000, max_output_tokens=4096)
RESPONSES = {
    "accepted": office.Response.ACCEPTED,
    "declined": office.Response.DECLINED,
    "tentative": office.Response.TENTATIVE,
    "needsAction": office.Response.NONE,
}


class Prompt:
    """A person's context with the references that stand for their events and mails."""

    def __init__(self, person: Person, now: datetime, left_out: Sequence[LeftOut] = ()) -> None:
        self.person = person
        self.zone = ZoneInfo(person.time_zone)
        self.now = now.astimezone(self.zone)
        found = [(event, calendar) for calendar in person.calendars for event in expanded(calendar.events, self.now)]
        found.sort(key=lambda pair: beginning(pair[0], self.zone))
        self.events = [event for event, _ in found]
        self.mails = [mail for mail in reversed(person.messages) if "SPAM" not in mail.labels]
        self.event_ref = {event.id: f"e{number}" for number, event in enumerate(self.events, start=1)}
        self.mail_ref = {mail.id: f"m{number}" for number, mail in enumerate(self.mails, start=1)}
        self.context = Context(
            now=self.now,
            zone=self.zone,
            events=tuple(self._event(event, calendar) for event, calendar in found),
            mails=tuple(map(self._mail, self.mails)),
            left_out=tuple(left_out),
        )

    @property
    def system(self) -> str:
        """The context and the system message in one, for those who ask by hand."""
        return f"{prompts.render(self.context)}\n\n{prompts.SYSTEM}"

    def sent(self, *questions: str) -> SentPrompt:
        """The whole prompt: the last question, after those that were answered before."""
        history = [turn for text in questions[:-1] for turn in (SentTurn("user", text), SentTurn("assistant", "…"))]
        return prompts.build(self.context, history, questions[-1], CARD).prompt

    def day(self, days: int) -> date:
        """The date so many days from today."""
        return self.now.date() + timedelta(days=days)

    def on(self, day: date) -> list[Event]:
        """What the day holds, whatever the answer to it."""
        first = datetime.combine(day, time(), self.zone)
        return self.between(first, first + timedelta(days=1))

    def between(self, first: datetime, last: datetime) -> list[Event]:
        """What these hours hold, whatever the answer to it."""
        return [one for one in self.events if beginning(one, self.zone) < last and ending(one, self.zone) > first]

    def my_status(self, event: Event) -> str:
        """The person's answer, or the event's own status if nobody was invited."""
        return next((one.response for one in event.attendees if one.is_self), event.status)

    def _event(self, event: Event, calendar: Calendar) -> office.Event:
        mine = next((one.response for one in event.attendees if one.is_self), None)
        return office.Event(
            id=f"{ACCOUNT}.{event.id}",
            account_id=ACCOUNT,
            calendar_id=f"{ACCOUNT}.calendar",
            calendar_name=calendar.summary,
            title=event.summary,
            start=event.start,
            end=event.end,
            all_day=event.all_day,
            zone=event.time_zone,
            status=office.EventStatus(event.status),
            busy=event.transparency == "opaque",
            my_response=RESPONSES[mine] if mine else None,
            attendees=[attendee(one) for one in event.attendees],
            location=event.location,
            notes=event.description,
            meeting_url=event.meet_link,
        )

    def _mail(self, mail: Message) -> office.RecentMessage:
        thread = [one for one in self.person.messages if one.thread_id == mail.thread_id]
        return office.RecentMessage(
            id=f"{ACCOUNT}.{mail.id}",
            account_id=ACCOUNT,
            thread_id=f"{ACCOUNT}.{mail.thread_id}",
            from_=office.Party(name=mail.sender[0], email=mail.sender[1]),
            to=[office.Party(name=name, email=email) for name, email in mail.to],
            subject=mail.subject,
            snippet="",
            date=mail.date,
            unread="UNREAD" in mail.labels,
            starred="STARRED" in mail.labels,
            from_me="SENT" in mail.labels,
            labels=[],
            has_attachments=bool(mail.attachments),
            text=body(mail),
            answered=any("SENT" in one.labels and one.date > mail.date for one in thread),
            last_in_thread=max(thread, key=lambda one: one.date) is mail,
        )


def attendee(one: Attendee) -> office.Attendee:
    """Somebody invited, in the office's terms."""
    return office.Attendee(
        name=one.name,
        email=one.email,
        response=RESPONSES[one.response],
        organizer=one.organizer,
        is_me=one.is_self,
    )


def body(mail: Message) -> str:
    """The text, or the HTML without its tags."""
    if mail.text:
        return mail.text
    shown = re.sub(r"</(p|h1|li)>|<br>", "\n", (mail.html or "").partition("<body>")[2])
    return unescape(re.sub(r"<[^>]+>", "", shown))


def beginning(event: Event, zone: ZoneInfo) -> datetime:
    """The start as an instant."""
    return event.start if isinstance(event.start, datetime) else datetime.combine(event.start, time(), zone)


def ending(event: Event, zone: ZoneInfo) -> datetime:
    """The end as an instant."""
    return event.end if isinstance(event.end, datetime) else datetime.combine(event.end, time(), zone)


def expanded(events: Iterable[Event], now: datetime) -> list[Event]:
    """Instances of the fortnight around `now`, without cancelled ones, computed from the RRULE lines."""
    events = list(events)
    moved = {event.id for event in events if event.recurring_event_id}
    found = []
    for event in events:
        if event.recurrence:
            found += [one for one in instances(event, now) if one.id not in moved]
        elif event.status != "cancelled":
            found.append(event)
    return found


def instances(master: Event, now: datetime) -> list[Event]:
    """The occurrences of a weekly or yearly series in the fortnight around `now`."""
    rule = dict(part.split("=") for part in master.recurrence[0].removeprefix("RRULE:").split(";"))
    excluded = {line.rpartition(":")[2] for line in master.recurrence[1:]}
    first = master.start.date() if isinstance(master.start, datetime) else master.start
    found = []
    for offset in range(-7, 9):
        day = now.date() + timedelta(days=offset)
        if day < first or not follows(rule, first, day):
            continue
        start: datetime | date = day
        if isinstance(master.start, datetime):
            start = datetime.combine(day, master.start.time(), master.start.tzinfo)
            local = f"{start:%Y%m%dT%H%M%S}"
            if local in excluded or basic_utc(start) > rule.get("UNTIL", "9"):
                continue
        found.append(moved_to(master, start))
    return found


def follows(rule: dict[str, str], first: date, day: date) -> bool:
    """Whether the rule has an occurrence on the day."""
    if rule["FREQ"] == "YEARLY":
        return (day.month, day.day) == (first.month, first.day)
    weeks = (day - timedelta(days=day.weekday()) - (first - timedelta(days=first.weekday()))).days // 7
    return WEEKDAYS[day.weekday()] in rule["BYDAY"].split(",") and weeks % int(rule.get("INTERVAL", 1)) == 0


def moved_to(master: Event, start: datetime | date) -> Event:
    """The master as the instance that begins then."""
    if isinstance(master.start, datetime) and isinstance(master.end, datetime) and isinstance(start, datetime):
        length = master.end.astimezone(UTC) - master.start.astimezone(UTC)
        return replace(master, id=instance_id(master.id, start), start=start, end=start + length)
    return replace(master, id=instance_id(master.id, start), start=start, end=start + timedelta(days=1))
