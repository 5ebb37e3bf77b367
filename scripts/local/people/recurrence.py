"""Which days a weekly series meets, known by construction and without a general RRULE engine."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class WeeklySeries:
    """A meeting at one wall-clock time on some weekdays (0 is Monday) of every `interval`-th week."""

    first: date
    weekdays: tuple[int, ...]
    at: time
    minutes: int
    zone: ZoneInfo
    interval: int = 1
    until: date | None = None
    excluded: tuple[date, ...] = ()

    def start(self, day: date) -> datetime:
        """The start of the occurrence on that day, in the series' zone."""
        return datetime.combine(day, self.at, self.zone)

    def meets(self, day: date) -> bool:
        """Whether the rule, EXDATEs applied, has an occurrence on that day; exceptions are not considered."""
        if day < self.first or day.weekday() not in self.weekdays or day in self.excluded:
            return False
        if self.until is not None and day > self.until:
            return False
        weeks = (_monday(day) - _monday(self.first)).days // 7
        return weeks % self.interval == 0

    def lines(self) -> tuple[str, ...]:
        """RRULE and EXDATE lines. Source: RFC 5545, 3.8.5."""
        parts = ["FREQ=WEEKLY"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.until is not None:
            parts.append(f"UNTIL={basic_utc(self.start(self.until))}")
        parts.append("BYDAY=" + ",".join(WEEKDAYS[day] for day in self.weekdays))
        lines = ["RRULE:" + ";".join(parts)]
        if self.excluded:
            local = ",".join(f"{self.start(day):%Y%m%dT%H%M%S}" for day in self.excluded)
            lines.append(f"EXDATE;TZID={self.zone.key}:{local}")
        return tuple(lines)


def basic_utc(moment: datetime) -> str:
    """An instant in RFC 5545's UTC form, which Google also appends to the ids of instances."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def instance_id(master_id: str, original_start: datetime | date) -> str:
    """The id of one instance of a recurring event.

    Source: https://developers.google.com/workspace/calendar/api/guides/recurringevents
    """
    if isinstance(original_start, datetime):
        return f"{master_id}_{basic_utc(original_start)}"
    return f"{master_id}_{original_start:%Y%m%d}"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
