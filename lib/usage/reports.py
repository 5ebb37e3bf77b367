"""What a person used, and which limits hold."""

from datetime import UTC, date, datetime, timedelta

from lib.core import clock, cursor
from lib.core.errors import InvalidRequest
from lib.core.settings import load
from lib.core.store import UserId
from lib.usage import spend, store
from lib.usage.limits import LimitSettings
from lib.usage.models import Limits, Micros, ModelUsedPage, UsageReport

LONGEST_REPORT = timedelta(days=366)
USUAL_REPORT = timedelta(days=29)


def report(person: UserId, first: date | None, last: date | None) -> UsageReport:
    """The days from first to last, both included; by default the last thirty. Raises `InvalidRequest`."""
    last = last or clock.now().astimezone(UTC).date()
    first = first or date.fromordinal(max(1, last.toordinal() - USUAL_REPORT.days))
    if not timedelta() <= last - first <= LONGEST_REPORT:
        raise InvalidRequest(f"The days have to be in order and at most {LONGEST_REPORT.days} apart")
    days = store.days(person, first, last)
    return UsageReport(days=days, cost=Micros(sum(day.cost for day in days)))


def limits(person: UserId) -> Limits:
    """The limits that hold for the person, and how far they are used."""
    return Limits(
        requests_per_minute=load(LimitSettings).requests_per_minute,
        model_spend_per_day=spend.current(person),
    )


def model_uses(person: UserId, limit: int, after: str | None) -> ModelUsedPage:
    """A page of the calls of models, newest first. Raises `InvalidCursor`."""
    position = cursor.decode(person, "model-uses", after) if after is not None else None
    events = store.model_uses(
        person, limit + 1, (datetime.fromisoformat(position["at"]), position["id"]) if position else None
    )
    page = events[:limit]
    last = page[-1] if len(events) > limit else None
    return ModelUsedPage(
        events=page,
        next_cursor=cursor.encode(person, "model-uses", {"at": last.at.isoformat(), "id": last.id}) if last else None,
    )
