"""Usage in Firestore: windows, budgets and their reservations, events and the counters of days.

users/{uid}/rate_windows/{minute}        count
users/{uid}/spend_days/{day}             committed: spent and reserved, in micros; spent
users/{uid}/spend_reservations/{id}      day, amount, held_until
users/{uid}/usage_events/{id}            the event
users/{uid}/usage_days/{day}             counters per function and per model
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from google.cloud import firestore
from google.cloud.firestore import Increment

from lib.core import clock
from lib.core.ids import stable
from lib.core.store import (
    AlreadyExists,
    FailedPrecondition,
    Global,
    NotFound,
    UserId,
    client,
    global_document,
    owner,
    person,
)
from lib.usage.models import DayUsage, Micros, ModelUsed

SCHEMA_VERSION = 1
PAGE = 300
WINDOWS_KEPT = timedelta(hours=1)
# The usual retries of minutes would make every request wait for a limit that is down.
WINDOW_SECONDS_AT_MOST = 2.0
EVENTS_KEPT = timedelta(days=400)
# Long enough for whoever reserves next to give back what nobody settled, before Firestore deletes the reservation.
RESERVATIONS_KEPT = timedelta(days=2)


def window_count(user: UserId, index: int) -> int:
    """How many requests a minute counted; minutes are numbered from the epoch."""
    snapshot = _window(user, index).get(retry=None, timeout=WINDOW_SECONDS_AT_MOST)
    return int((snapshot.to_dict() or {}).get("count", 0))


def add_to_window(user: UserId, index: int, requests: int) -> int:
    """Count requests in a minute; returns the minute's new total."""
    written = _window(user, index).set(
        {
            "schema_version": SCHEMA_VERSION,
            "count": Increment(requests),
            "expires_at": clock.now() + WINDOWS_KEPT,
        },
        merge=True,
        retry=None,
        timeout=WINDOW_SECONDS_AT_MOST,
    )
    return int(written.transform_results[0].integer_value)


def reserve(user: UserId, reservation: str, day: date, amount: Micros, held_until: datetime) -> Micros | None:
    """Reserve an amount of a day's budget; returns what is committed with it, or None if it was reserved before."""
    batch = client().batch()
    batch.create(
        _reservation(user, reservation),
        {
            "schema_version": SCHEMA_VERSION,
            "day": day.isoformat(),
            "amount": amount,
            "held_until": held_until,
            "expires_at": held_until + RESERVATIONS_KEPT,
        },
    )
    batch.set(_spend_day(user, day), _spend(committed=amount), merge=True)
    try:
        written = batch.commit()
    except AlreadyExists:
        return None
    return Micros(int(written[1].transform_results[0].integer_value))


def release(user: UserId, reservation: str) -> bool:
    """Give a reservation back; False if it is gone already."""
    reference = _reservation(user, reservation)
    stored: dict[str, Any] | None = reference.get().to_dict()
    if stored is None:
        return False
    batch = client().batch()
    batch.delete(reference, option=client().write_option(exists=True))
    batch.set(_spend_day(user, date.fromisoformat(stored["day"])), _spend(committed=-stored["amount"]), merge=True)
    try:
        batch.commit()
    except (NotFound, FailedPrecondition):
        return False
    return True


def expired_reservations(user: UserId) -> list[str]:
    """The reservations whose holder never settled them."""
    query = (
        person(user)
        .collection("spend_reservations")
        .where(filter=firestore.FieldFilter("held_until", "<=", clock.now()))
    )
    return [snapshot.id for snapshot in query.stream()]


def reservations_expired_by(moment: datetime) -> Iterator[tuple[UserId, str]]:
    """Everybody's reservations whose holders never settled them, with whose they are."""
    query = (
        client().collection_group("spend_reservations").where(filter=firestore.FieldFilter("held_until", "<=", moment))
    )
    for snapshot in query.stream():
        yield owner(snapshot), snapshot.id


def committed(user: UserId, day: date) -> Micros:
    """What is spent or reserved of a day's budget."""
    return Micros(int((_spend_day(user, day).get().to_dict() or {}).get("committed", 0)))


def committed_with(user: UserId, reservation: str, day: date) -> Micros | None:
    """What is committed of a day's budget at an instant at which the reservation is there; None if it is gone."""
    held, spent = _reservation(user, reservation), _spend_day(user, day)
    found = {snapshot.reference.path: snapshot.to_dict() for snapshot in client().get_all([held, spent])}
    if found[held.path] is None:
        return None
    return Micros(int((found[spent.path] or {}).get("committed", 0)))


def record_model_use(event: ModelUsed) -> bool:
    """Count the event and settle its reservation, in one batch; False if it was counted before."""
    user, day = UserId(event.person), event.at.astimezone(UTC).date()
    reserved = _reserved(user, event.reservation)
    while True:
        batch = client().batch()
        batch.create(_event(user, event.id), _stored(event.model_dump(mode="python")))
        batch.set(_usage_day(user, day), _model_counters(event, day), merge=True)
        changes = {day: event.cost}
        if event.reservation and reserved is not None:
            batch.delete(_reservation(user, event.reservation), option=client().write_option(exists=True))
            changes[reserved[0]] = Micros(changes.get(reserved[0], 0) - reserved[1])
        for each, amount in changes.items():
            spent = event.cost if each == day else 0
            batch.set(_spend_day(user, each), _spend(committed=amount, spent=spent), merge=True)
        try:
            batch.commit()
        except AlreadyExists:
            return False
        except (NotFound, FailedPrecondition):
            # The reservation was swept between the reading and the commit; its amount has been given back.
            reserved = None
            continue
        return True


def record_api_call(
    user: UserId, event_id: str, function: str, *, failed: bool, duration_ms: float, at: datetime
) -> bool:
    """Count a request; False if it was counted before."""
    day = at.astimezone(UTC).date()
    batch = client().batch()
    batch.create(
        _event(user, event_id),
        _stored({"kind": "api_call", "function": function, "at": at, "duration_ms": duration_ms, "failed": failed}),
    )
    counters = {"count": Increment(1), "failed": Increment(int(failed)), "duration_ms": Increment(duration_ms)}
    batch.set(_usage_day(user, day), _counted(day) | {"calls": {function: counters}}, merge=True)
    try:
        batch.commit()
    except AlreadyExists:
        return False
    return True


def days(user: UserId, first: date, last: date) -> list[DayUsage]:
    """The days with any use, newest first."""
    query = (
        person(user)
        .collection("usage_days")
        .where(filter=firestore.FieldFilter("day", ">=", first.isoformat()))
        .where(filter=firestore.FieldFilter("day", "<=", last.isoformat()))
        .order_by("day", direction=firestore.Query.DESCENDING)
    )
    return [_day_usage(snapshot.to_dict() or {}) for snapshot in query.stream()]


def model_uses(user: UserId, limit: int, after: tuple[datetime, str] | None) -> list[ModelUsed]:
    """Calls of models, newest first, after a position: an event's time and id."""
    events = person(user).collection("usage_events")
    query = (
        events.where(filter=firestore.FieldFilter("kind", "==", "model"))
        .order_by("at", direction=firestore.Query.DESCENDING)
        .order_by("id", direction=firestore.Query.DESCENDING)
        .limit(limit)
    )
    if after is not None:
        query = query.start_after({"at": after[0], "id": after[1]})
    return [ModelUsed.model_validate(snapshot.to_dict()) for snapshot in query.stream()]


def person_of_hash(hashed: str) -> UserId | None:
    """The person whom a hash in the logs stands for."""
    stored = global_document(Global.PERSON_HASHES, hashed).get().to_dict()
    return UserId(stored["person"]) if stored else None


def has_deletion_mark(hashed: str) -> bool:
    """Whether the person was deleted whom a hash in the logs stands for."""
    return bool(global_document(Global.DELETED_USERS, hashed).get().exists)


def has_deletion_mark_at_once(hashed: str) -> bool:
    """The same without patience, for a request that waits for it."""
    mark = global_document(Global.DELETED_USERS, hashed)
    return bool(mark.get(retry=None, timeout=WINDOW_SECONDS_AT_MOST).exists)


def end_of_day(day: date) -> datetime:
    """When a day is over (UTC)."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def event_id(source: str, identifier: str) -> str:
    """An event's id: the same for the same event, whoever tells of it."""
    return stable("use", source, identifier)


def _model_counters(event: ModelUsed, day: date) -> dict[str, Any]:
    counters = {
        "answers": Increment(1),
        "succeeded": Increment(int(event.succeeded)),
        "input_tokens": Increment(event.tokens.input + event.tokens.cached_input + event.tokens.cache_write),
        "output_tokens": Increment(event.tokens.output),
        "cost": Increment(event.cost),
        "duration_ms": Increment(event.duration_ms),
    }
    return _counted(day) | {"cost": Increment(event.cost), "models": {event.model: counters}}


def _day_usage(stored: dict[str, Any]) -> DayUsage:
    return DayUsage.model_validate(stored)


def _counted(day: date) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "day": day.isoformat()}


def _stored(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"schema_version": SCHEMA_VERSION, "expires_at": clock.now() + EVENTS_KEPT}


def forget_events_before(user: UserId, moment: datetime) -> None:
    """Delete the events of before a moment; the days' counters, which bills are made of, stay."""
    query = person(user).collection("usage_events").where(filter=firestore.FieldFilter("at", "<", moment)).limit(PAGE)
    while page := query.get():
        batch = client().batch()
        for snapshot in page:
            batch.delete(snapshot.reference)
        batch.commit()


def _spend(*, committed: int, spent: int = 0) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "committed": Increment(committed), "spent": Increment(spent)}


def _reserved(user: UserId, reservation: str | None) -> tuple[date, int] | None:
    stored = _reservation(user, reservation).get().to_dict() if reservation else None
    return (date.fromisoformat(stored["day"]), int(stored["amount"])) if stored else None


def _window(user: UserId, index: int) -> Any:
    return person(user).collection("rate_windows").document(str(index))


def _spend_day(user: UserId, day: date) -> Any:
    return person(user).collection("spend_days").document(day.isoformat())


def _reservation(user: UserId, reservation: str) -> Any:
    return person(user).collection("spend_reservations").document(reservation)


def _event(user: UserId, event: str) -> Any:
    return person(user).collection("usage_events").document(event)


def _usage_day(user: UserId, day: date) -> Any:
    return person(user).collection("usage_days").document(day.isoformat())
