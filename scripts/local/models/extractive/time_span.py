"""Which stretch of time a question speaks of."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from scripts.local.models.extractive.vocabulary import MONTHS, WEEKDAYS

PARTS = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24), "tonight": (18, 24)}
WEEKDAY = re.compile(rf"\b(?:(last|past|next|this|coming) )?({'|'.join(WEEKDAYS)})s?\b")
ISO = re.compile(r"\b([12]\d{3})-(\d\d)-(\d\d)\b")
DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({'|'.join(MONTHS)})\b")
MONTH_DAY = re.compile(rf"\b({'|'.join(MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?\b")
CLOCK = r"(\d{1,2})(?::(\d\d))?\s*(am|pm|a\.m\.|p\.m\.|o'clock)?"
BETWEEN = re.compile(rf"\b(?:between|from) {CLOCK} (?:and|to|until|till) {CLOCK}")
AT = re.compile(rf"\b(at|after|before|from|until) {CLOCK}(?!\d|\w)")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, end exclusive, and its name in a sentence."""

    start: datetime
    end: datetime
    name: str


def span_of(question: str, now: datetime) -> Span | None:
    """The days and hours that the question (lower case) names, or None."""
    days = _days(question, now.date())
    hours = _hours(question)
    if days is None and hours is None:
        return None
    first, last, name = days or (now.date(), now.date(), "today")
    start, end = hours[:2] if hours else (0, 24 * 60)
    if hours:
        name = f"{name}, {hours[2]}"
    return Span(_at(first, start, now), _at(last, end, now), name)


def today(now: datetime) -> Span:
    """The whole present day."""
    return Span(_at(now.date(), 0, now), _at(now.date(), 24 * 60, now), f"today, {named(now.date())}")


def named(day: date) -> str:
    """A day as prose names it."""
    return f"{day:%A}, {day.day} {day:%B}"


def _days(question: str, today_: date) -> tuple[date, date, str] | None:
    """First and last day, and their name."""
    if (match := ISO.search(question)) and (day := _calendar_day(*match.groups())):
        return _one(day)
    if match := DAY_MONTH.search(question):
        return _one(_nearest(today_, MONTHS.index(match[2]) + 1, int(match[1])))
    if match := MONTH_DAY.search(question):
        return _one(_nearest(today_, MONTHS.index(match[1]) + 1, int(match[2])))
    for words, days in (("day after tomorrow", 2), ("tomorrow", 1), ("day before yesterday", -2), ("yesterday", -1)):
        if words in question:
            day = today_ + timedelta(days=days)
            return (day, day, f"{words}, {named(day)}")
    if "today" in question or "tonight" in question or re.search(r"\bthis (morning|afternoon|evening)\b", question):
        return (today_, today_, f"today, {named(today_)}")
    if match := WEEKDAY.search(question):
        return _one(_weekday(today_, WEEKDAYS.index(match[2]), match[1] or ""))
    return _weeks(question, today_)


def _weeks(question: str, today_: date) -> tuple[date, date, str] | None:
    monday = today_ - timedelta(days=today_.weekday())
    if "next week" in question:
        return (monday + timedelta(days=7), monday + timedelta(days=13), "next week")
    if "last week" in question:
        return (monday - timedelta(days=7), monday - timedelta(days=1), "last week")
    if "weekend" in question:
        return (monday + timedelta(days=5), monday + timedelta(days=6), "the weekend")
    if re.search(r"\b(this|the|my) week\b", question):
        return (today_, monday + timedelta(days=6), "this week")
    if re.search(r"\b(next|coming) (few|seven|7) days\b", question):
        return (today_, today_ + timedelta(days=6), "the next seven days")
    return None


def _calendar_day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _one(day: date) -> tuple[date, date, str]:
    return (day, day, named(day))


def _weekday(today_: date, weekday: int, direction: str) -> date:
    ahead = (weekday - today_.weekday()) % 7
    if direction in ("last", "past"):
        return today_ - timedelta(days=(today_.weekday() - weekday) % 7 or 7)
    if direction == "next" and ahead == 0:
        ahead = 7
    return today_ + timedelta(days=ahead)


def _nearest(today_: date, month: int, day: int) -> date:
    """Of last, this and next year's day the nearest one; the last of the month if there is no such day."""
    candidates = []
    for year in (today_.year - 1, today_.year, today_.year + 1):
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        candidates.append(date(year, month, min(day or 1, last)))
    return min(candidates, key=lambda candidate: abs((candidate - today_).days))


def _hours(question: str) -> tuple[int, int, str] | None:
    """First and last minute of the day, and their name."""
    if match := BETWEEN.search(question):
        last = _minutes(match[4], match[5], match[6])
        first = _minutes(match[1], match[2], match[3] or match[6])
        return (first, last, f"between {_clock(first)} and {_clock(last)}")
    if match := AT.search(question):
        minute = _minutes(match[2], match[3], match[4])
        if match[1] in ("after", "from"):
            return (minute, 24 * 60, f"after {_clock(minute)}")
        if match[1] in ("before", "until"):
            return (0, minute, f"before {_clock(minute)}")
        return (minute, minute + 60, f"at {_clock(minute)}")
    for name, (first, last) in PARTS.items():
        if re.search(rf"\b{name}\b", question):
            label = f"the {name}" if name != "tonight" else "the evening"
            return (first * 60, last * 60, f"{label} ({_clock(first * 60)}–{_clock(last * 60)})")
    return None


def _minutes(hour: str, minute: str | None, half: str | None) -> int:
    value = int(hour) % 24
    if half and half.startswith("p") and value < 12:
        value += 12
    if half and half.startswith("a") and value == 12:
        value = 0
    if half is None and minute is None and 1 <= value <= 6:
        # Nobody asks about four in the night; "at 4" is the afternoon.
        value += 12
    return value * 60 + int(minute or 0) % 60


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _at(day: date, minutes: int, now: datetime) -> datetime:
    days, rest = divmod(minutes, 24 * 60)
    return datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), now.tzinfo)
