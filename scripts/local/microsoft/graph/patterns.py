"""A recurrence as Graph has it, made from RFC 5545 lines and back; left-out dates are no part of Graph's.

Sources: https://learn.microsoft.com/graph/api/resources/recurrencepattern and
https://learn.microsoft.com/graph/api/resources/recurrencerange
"""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from scripts.local.microsoft.graph.errors import bad_request
from scripts.local.provider.recurrence import Start
from scripts.local.provider.wire import Json

_DAYS = {
    "MO": "monday",
    "TU": "tuesday",
    "WE": "wednesday",
    "TH": "thursday",
    "FR": "friday",
    "SA": "saturday",
    "SU": "sunday",
}
_CODES = {name: code for code, name in _DAYS.items()}
_INDEXES = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
_ORDINALS = {name: number for number, name in _INDEXES.items()}
_NO_DATE = "0001-01-01"
_BY_DAY = re.compile(r"(-?\d)?([A-Z]{2})")


def pattern_of(lines: tuple[str, ...], first: Start, zone_name: str) -> Json | None:
    """The recurrence of a series that starts first at `first`; None for what is none."""
    rule = next((line.removeprefix("RRULE:") for line in lines if line.startswith("RRULE:")), None)
    if rule is None:
        return None
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    return {"pattern": _pattern(parts, first), "range": _range(parts, first, zone_name)}


def _pattern(parts: dict[str, str], first: Start) -> Json:
    days = [match for item in parts.get("BYDAY", "").split(",") if (match := _BY_DAY.fullmatch(item))]
    ordinal = next((int(match[1]) for match in days if match[1]), None)
    frequency = parts["FREQ"].lower()
    relative = ordinal is not None and frequency in ("monthly", "yearly")
    kind = {
        "daily": "daily",
        "weekly": "weekly",
        "monthly": "relativeMonthly" if relative else "absoluteMonthly",
        "yearly": "relativeYearly" if relative else "absoluteYearly",
    }[frequency]
    weekly = kind == "weekly" and not days
    return {
        "type": kind,
        "interval": int(parts.get("INTERVAL", "1")),
        "month": first.month if frequency == "yearly" else 0,
        "dayOfMonth": first.day if kind.startswith("absolute") else 0,
        "daysOfWeek": [_DAYS[match[2]] for match in days] or ([f"{first:%A}".lower()] if weekly else []),
        "firstDayOfWeek": _DAYS[parts.get("WKST", "SU")],
        "index": _INDEXES[ordinal or 1],
    }


def _range(parts: dict[str, str], first: Start, zone_name: str) -> Json:
    until, count = parts.get("UNTIL"), int(parts.get("COUNT", "0"))
    last = _NO_DATE
    if until is not None:
        moment = datetime.fromisoformat(until)
        if moment.tzinfo and isinstance(first, datetime):
            moment = moment.astimezone(first.tzinfo)
        last = moment.date().isoformat()
    return {
        "type": "endDate" if until else "numbered" if count else "noEnd",
        "startDate": (first.date() if isinstance(first, datetime) else first).isoformat(),
        "endDate": last,
        "recurrenceTimeZone": zone_name,
        "numberOfOccurrences": count,
    }


def lines_of(recurrence: Json, first: Start) -> tuple[str, ...]:
    """The RFC 5545 line of a recurrence that a client gives. Raises GraphError where it is none."""
    try:
        return ("RRULE:" + ";".join([*_rule(recurrence["pattern"], first), *_end(recurrence["range"], first)]),)
    except (KeyError, TypeError, ValueError) as error:
        raise bad_request(f"The recurrence is not valid: {error}.", "ErrorInvalidRequest") from None


def _rule(pattern: Json, first: Start) -> list[str]:
    kind = pattern["type"]
    frequency = re.sub(r"^(absolute|relative)", "", kind).upper()
    if frequency not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise ValueError(kind)
    parts = [f"FREQ={frequency}", f"INTERVAL={int(pattern['interval'])}"]
    codes = [_CODES[name.lower()] for name in pattern.get("daysOfWeek", ())]
    if kind == "weekly":
        parts += ["BYDAY=" + ",".join(codes), f"WKST={_CODES[pattern.get('firstDayOfWeek', 'sunday').lower()]}"]
    elif kind.startswith("relative"):
        ordinal = _ORDINALS[pattern.get("index", "first")]
        parts.append("BYDAY=" + ",".join(f"{ordinal}{code}" for code in codes))
    elif kind.startswith("absolute"):
        parts.append(f"BYMONTHDAY={int(pattern['dayOfMonth'])}")
    if frequency == "YEARLY":
        parts.append(f"BYMONTH={int(pattern.get('month') or first.month)}")
    return parts


def _end(limits: Json, first: Start) -> list[str]:
    if limits["type"] == "numbered":
        return [f"COUNT={int(limits['numberOfOccurrences'])}"]
    if limits["type"] == "endDate":
        last = date.fromisoformat(limits["endDate"])
        if not isinstance(first, datetime):
            return [f"UNTIL={last:%Y%m%d}"]
        zone = first.tzinfo if isinstance(first.tzinfo, ZoneInfo) else UTC
        return [f"UNTIL={datetime.combine(last, time(23, 59, 59), zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"]
    if limits["type"] != "noEnd":
        raise ValueError(limits["type"])
    return []
