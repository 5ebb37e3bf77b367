"""Usage on its way: told to Pub/Sub by whoever caused it, counted once by `on-usage`, however often delivered."""

from collections.abc import Callable
from datetime import timedelta

from pydantic import ValidationError

from lib.core import clock, telemetry
from lib.core.errors import MalformedWebhook, Unavailable
from lib.core.events import Delivery, GoogleAPIError, publish
from lib.core.store import UserId
from lib.usage import deletion, store
from lib.usage.models import LogEntry, ModelUsed

TOPIC = "usage"
UNKNOWN_PERSON_IS_LATE_FOR = timedelta(minutes=10)


def tell(event: ModelUsed, hand_on: Callable[..., None] = publish) -> None:
    """Publish the event; when Pub/Sub does not take it, count it here and now.

    Should Pub/Sub have it all the same, the event's id keeps it from being counted twice. Raises Google's API errors
    when Firestore fails as well.
    """
    try:
        hand_on(TOPIC, event, kind=event.kind)
    except GoogleAPIError as error:
        telemetry.error("usage not published, counted directly", error, event_id=event.id)
        _record_model_use(event)


def record(delivery: Delivery) -> bool:
    """Count what was delivered; False if it was counted before, or is about somebody who was deleted.

    Raises `MalformedWebhook`, and `Unavailable` when the person's creation may still be on its way: the call is then
    delivered again, as often as the subscription does, and lies among the dead letters if Clerk's event takes longer.
    """
    if delivery.attributes.get("kind") == "model":
        return _record_model_use(delivery.event(ModelUsed))
    return _record_api_call(delivery)


def _record_model_use(event: ModelUsed) -> bool:
    if deletion.is_deleted(UserId(event.person)):
        telemetry.info("use of a model by a deleted person dropped")
        return False
    return store.record_model_use(event)


def _record_api_call(delivery: Delivery) -> bool:
    try:
        entry = LogEntry.model_validate_json(delivery.data)
    except ValidationError as error:
        raise MalformedWebhook(f"Not a LogEntry of an API call: {error.error_count()} errors") from None
    call = entry.payload
    person = store.person_of_hash(call.person)
    if person is None:
        if store.has_deletion_mark(call.person):
            telemetry.info("api call of a deleted person dropped")
            return False
        if clock.now() - entry.timestamp < UNKNOWN_PERSON_IS_LATE_FOR:
            raise Unavailable("The person is not known yet")
        telemetry.info("api call of nobody dropped")
        return False
    return store.record_api_call(
        person,
        store.event_id(entry.log_name, entry.insert_id),
        call.function,
        failed=call.status >= 500,
        duration_ms=call.duration_ms,
        at=entry.timestamp,
    )
