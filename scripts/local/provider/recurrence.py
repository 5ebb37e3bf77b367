"""When the instances of a recurring event start, by RFC 5545 over python-dateutil.

Rules run in the event's own wall time, and each start is then placed on the time line: a time in a gap takes
the offset from before it, one in a fold is the first (RFC 5545, section 3.3.5). Every instance lasts as long as the
master, exactly (section 3.6.1). Instance ids: https://developers.google.com/workspace/calendar/api/guides/recurringevents
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

Start = datetime | date
"""An aware datetime in the event's zone, or a date for an all-day event."""

_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.+)", re.IGNORECASE)
_UNTIL = re.compile(r"UNTIL=([0-9TZ]+)", re.IGNORECASE)
_LAST_SECOND = time(23, 59, 59)


class InvalidRecurrence(ValueError):
    """A line is no RRULE, EXRULE, RDATE or EXDATE, or does not follow RFC 5545."""


def starts(lines: tuple[str, ...], first: Start, until: datetime) -> Iterator[Start]:
    """Every start of the series in order, the excluded ones left out, up to and including the instant `until`.

    Raises InvalidRecurrence.
    """
    zone = first.tzinfo if isinstance(first, datetime) else None
    if isinstance(first, datetime):
        wall = first.replace(tzinfo=None)
        limit = until.astimezone(zone).replace(tzinfo=None)
    else:
        wall, limit = datetime.combine(first, time()), until.replace(tzinfo=None)
    for found in _rules(lines, wall, zone):
        # In the hour before a change of offset, wall time and the time line differ by at most a day.
        if found > limit + timedelta(days=1):
            return
        start: Start = found.replace(tzinfo=zone) if zone else found.date()
        if not isinstance(start, datetime) or start.astimezone(UTC) <= until:
            yield start


def _rules(lines: tuple[str, ...], wall: datetime, zone: object) -> rruleset:
    rules = rruleset()
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InvalidRecurrence(line)
        kind, options, value = match[1].upper(), match[2], match[3]
        try:
            if kind in ("RRULE", "EXRULE"):
                rule = rrulestr(_local_until(value, zone), dtstart=wall)
                if not isinstance(rule, rrule):
                    raise InvalidRecurrence(line)
                (rules.rrule if kind == "RRULE" else rules.exrule)(rule)
            else:
                for moment in value.split(","):
                    found = _wall_time(moment, options, wall, zone)
                    (rules.rdate if kind == "RDATE" else rules.exdate)(found)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRecurrence(line) from error
    if not any(line.strip().upper().startswith("RRULE") for line in lines):
        rules.rdate(wall)
    return rules


def _local_until(rule: str, zone: object) -> str:
    """The rule with UNTIL in wall time: it is written in UTC when the event has a zone, and is inclusive."""

    def localized(match: re.Match[str]) -> str:
        text = match[1]
        if len(text) == 8:
            return f"UNTIL={text}T{_LAST_SECOND:%H%M%S}"
        moment = datetime.fromisoformat(text)
        if moment.tzinfo and isinstance(zone, ZoneInfo):
            moment = moment.astimezone(zone)
        return f"UNTIL={moment:%Y%m%dT%H%M%S}"

    return _UNTIL.sub(localized, rule)


def _wall_time(text: str, options: str, wall: datetime, zone: object) -> datetime:
    """A value of RDATE or EXDATE in the wall time of the series; a bare date takes the series' time of day."""
    if len(text) == 8:
        return datetime.combine(date.fromisoformat(text), wall.time())
    moment = datetime.fromisoformat(text)
    if named := re.search(r"TZID=([^;:]+)", options, re.IGNORECASE):
        moment = moment.replace(tzinfo=ZoneInfo(named[1]))
    if moment.tzinfo and isinstance(zone, ZoneInfo):
        moment = moment.astimezone(zone)
    return moment.replace(tzinfo=None)


def duration_between(first: Start, last: Start) -> timedelta:
    """How long an event lasts exactly; whole days for dates."""
    if isinstance(first, datetime) and isinstance(last, datetime):
        return last.astimezone(UTC) - first.astimezone(UTC)
    return timedelta(days=last.toordinal() - first.toordinal())


def exact_end(start: Start, duration: timedelta) -> Start:
    """The end after an exact duration, in the zone of the start; days for a date."""
    if not isinstance(start, datetime):
        return start + duration
    return (start.astimezone(UTC) + duration).astimezone(start.tzinfo)


def instance_suffix(start: Start) -> str:
    """What follows the master's id and an underscore: the original start in UTC, or the date."""
    if isinstance(start, datetime):
        return f"{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{start:%Y%m%d}"
