"""Outlook's recurrences as rules of RFC 5545.

https://learn.microsoft.com/graph/api/resources/recurrencepattern and
https://learn.microsoft.com/graph/api/resources/recurrencerange
"""

from collections.abc import Iterator
from datetime import date, datetime, time

from lib.office.calling import Json
from lib.office.microsoft.zones import iana
from lib.office.zones import UTC_NAME, zone

_PLACES = {"first": "1", "second": "2", "third": "3", "fourth": "4", "last": "-1"}


def rules(recurrence: Json, *, all_day: bool) -> list[str]:
    """The one rule of a series; what Outlook left out of it is told only by its instances."""
    pattern, limits = recurrence["pattern"], recurrence["range"]
    return [f"RRULE:{';'.join([*_pattern(pattern), *_limits(limits, all_day=all_day)])}"]


def _pattern(pattern: Json) -> Iterator[str]:
    kind = str(pattern["type"])
    frequency = kind.removeprefix("absolute").removeprefix("relative").upper()
    days = [str(day)[:2].upper() for day in pattern.get("daysOfWeek") or []]
    yield f"FREQ={frequency}"
    if (interval := int(pattern.get("interval") or 1)) > 1:
        yield f"INTERVAL={interval}"
    if frequency == "YEARLY":
        yield f"BYMONTH={int(pattern['month'])}"
    if kind.startswith("absolute"):
        yield f"BYMONTHDAY={int(pattern['dayOfMonth'])}"
    elif kind.startswith("relative"):
        # Of several days the first, second, … of them all is meant.
        yield f"BYDAY={','.join(days)}"
        yield f"BYSETPOS={_PLACES.get(str(pattern.get('index')), '1')}"
    elif days:
        yield f"BYDAY={','.join(days)}"
        yield f"WKST={str(pattern.get('firstDayOfWeek') or 'sunday')[:2].upper()}"


def _limits(limits: Json, *, all_day: bool) -> Iterator[str]:
    if limits["type"] == "numbered":
        yield f"COUNT={int(limits['numberOfOccurrences'])}"
    elif limits["type"] == "endDate":
        last = date.fromisoformat(limits["endDate"])
        if all_day:
            yield f"UNTIL={last:%Y%m%d}"
        else:
            planned = zone(iana(limits.get("recurrenceTimeZone")))
            until = datetime.combine(last, time(23, 59, 59), planned).astimezone(zone(UTC_NAME))
            yield f"UNTIL={until:%Y%m%dT%H%M%SZ}"
