"""Reads the typed context blocks that a prompt carries: events, mails, and what was left out."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import getaddresses
from functools import cached_property
from xml.etree import ElementTree
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

BLOCK = re.compile(r"<context\b[^>]*>.*?</context>", re.DOTALL)
# What XML 1.0 cannot carry even escaped: https://www.w3.org/TR/xml/#charsets
UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Address = tuple[str, str]


@dataclass(frozen=True)
class ContextEvent:
    """An event as the prompt shows it; `start` and `end` are aware, midnights of the zone if it is all-day."""

    ref: str
    start: datetime
    end: datetime
    all_day: bool
    status: str
    calendar: str
    location: str
    title: str
    attendees: tuple[Address, ...]
    notes: str

    @property
    def takes_place(self) -> bool:
        """Whether the person means to be there."""
        return self.status != "declined"


@dataclass(frozen=True)
class ContextMail:
    """A mail as the prompt shows it."""

    ref: str
    date: datetime
    sender: Address
    to: tuple[Address, ...]
    unread: bool
    answered: bool
    last_in_thread: bool
    from_me: bool
    subject: str
    body: str


@dataclass(frozen=True)
class LeftOut:
    """What the prompt admits not to hold."""

    what: str
    account: str
    reason: str


@dataclass(frozen=True)
class Context:
    """All that a prompt says about the person."""

    now: datetime
    events: tuple[ContextEvent, ...]
    mails: tuple[ContextMail, ...]
    left_out: tuple[LeftOut, ...]

    @cached_property
    def own(self) -> frozenset[str]:
        """The person's addresses: their mails' senders, else whom most mails were sent to, else whom most events."""
        senders = frozenset(mail.sender[1] for mail in self.mails if mail.from_me)
        if senders:
            return senders
        counted = Counter(email for mail in self.mails for _, email in mail.to)
        counted = counted or Counter(email for event in self.events for _, email in event.attendees)
        return frozenset(email for email, _ in counted.most_common(1))

    @cached_property
    def people(self) -> tuple[Address, ...]:
        """Everybody else who occurs, once for each address."""
        seen: dict[str, Address] = {}
        for address in self._addresses():
            if address[1] not in self.own:
                seen.setdefault(address[1] or address[0], address)
        return tuple(seen.values())

    def _addresses(self) -> Iterable[Address]:
        for mail in self.mails:
            yield mail.sender
            yield from mail.to
        for event in self.events:
            yield from event.attendees


def read(texts: Iterable[str]) -> Context | None:
    """The context of all the texts together; None if none of them holds a readable block."""
    roots = blocks(texts)
    if not roots:
        return None
    now = _moment(roots[-1].get("now", ""), roots[-1].get("zone", "UTC"))
    if now is None:
        return None
    events: dict[str, ContextEvent] = {}
    mails: dict[str, ContextMail] = {}
    left_out: list[LeftOut] = []
    for root in roots:
        zone = root.get("zone", "UTC")
        for element in root:
            if element.tag == "event" and (event := _event(element, zone)):
                events[event.ref] = event
            elif element.tag == "mail" and (mail := _mail(element, zone)):
                mails[mail.ref] = mail
            elif element.tag == "left-out":
                left_out.append(LeftOut(element.get("what", ""), element.get("account", ""), element.get("reason", "")))
    ordered = sorted(events.values(), key=lambda event: (event.start, event.end))
    latest = sorted(mails.values(), key=lambda mail: mail.date, reverse=True)
    return Context(now, tuple(ordered), tuple(latest), tuple(left_out))


def blocks(texts: Iterable[str]) -> list[ElementTree.Element]:
    """The readable blocks of all the texts."""
    return [root for text in texts for block in BLOCK.findall(text) if (root := _parsed(block)) is not None]


def without_blocks(text: str) -> str:
    """The text around the context blocks: what the person or the prompt's author wrote."""
    return BLOCK.sub(" ", text).strip()


def _parsed(block: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(UNSPEAKABLE.sub("", block))  # noqa: S314 - a local emulator's own prompt
    except ElementTree.ParseError:
        return None


def _event(element: ElementTree.Element, zone: str) -> ContextEvent | None:
    start = _moment(element.get("start", ""), zone)
    end = _moment(element.get("end", ""), zone)
    if start is None:
        return None
    all_day = element.get("all_day") == "true"
    return ContextEvent(
        ref=element.get("ref", ""),
        start=start,
        end=end or start + (timedelta(days=1) if all_day else timedelta()),
        all_day=all_day,
        status=element.get("status", "confirmed"),
        calendar=element.get("calendar", ""),
        location=element.get("location", ""),
        title=element.findtext("title") or "",
        attendees=_people(element.findtext("attendees") or ""),
        notes=element.findtext("notes") or "",
    )


def _mail(element: ElementTree.Element, zone: str) -> ContextMail | None:
    sent = _moment(element.get("date", ""), zone)
    if sent is None:
        return None
    senders = _people(element.get("from", ""))
    return ContextMail(
        ref=element.get("ref", ""),
        date=sent,
        sender=senders[0] if senders else ("", ""),
        to=_people(element.get("to", "")),
        unread=element.get("unread") == "true",
        answered=element.get("answered") == "true",
        last_in_thread=element.get("last_in_thread") == "true",
        from_me=element.get("from_me") == "true",
        subject=element.findtext("subject") or "",
        body=element.findtext("body") or "",
    )


def _people(text: str) -> tuple[Address, ...]:
    people = []
    for part in re.split(r"[;\n]", text):
        named = re.fullmatch(r"\s*(.*?)\s*<([^<>]*)>\s*", part)
        if named:
            people.append((named[1].strip('" '), named[2].lower()))
        else:
            people += [(name, email.lower()) for name, email in getaddresses([part.strip()]) if name or email]
    return tuple(people)


def _moment(text: str, zone_name: str) -> datetime | None:
    zone = _zone(zone_name)
    try:
        if len(text) == len("2026-11-24"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), zone)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
