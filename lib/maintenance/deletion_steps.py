"""The steps of a deletion, each of which can be done again, and each told of by an event of its own.

When all are done, what was written meanwhile is looked for once more, an hour later: no request lives as long.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, storage, telemetry
from lib.core.environment import own_service_account
from lib.core.errors import MalformedWebhook, Unavailable
from lib.core.events import publish
from lib.core.personal_data import erase_documents
from lib.core.store import UserId
from lib.lifecycle import deletion, exports, store
from lib.lifecycle.models import TOPIC, Erasure, UserEvent
from lib.maintenance.parts import PARTS
from lib.users.clerk import people

Step = Callable[[UserId, str], None]

STUCK_AFTER = timedelta(minutes=30)
LOOKED_AT_AGAIN_AFTER = timedelta(hours=1)
LOOK_AGAIN = "look again"
BUCKETS = (exports.BUCKET,)
"""Where a person's objects can be."""
ERASED_AT_MOST = 5


def perform(event: UserEvent) -> None:
    """Do the step that the event tells of, or the first one, and tell of the next.

    Raises `MalformedWebhook` for a step that there is not, and what the step raises, for the event to come again.
    """
    if event.step and event.step not in (*STEPS, LOOK_AGAIN):
        raise MalformedWebhook("Not a step of a deletion")
    person, receipt = UserId(event.person), event.subject
    erasure = store.erasure(receipt)
    if erasure is None or erasure.finished_at is not None:
        return
    if event.step == LOOK_AGAIN:
        _finish(person, receipt)
        return
    step = event.step or next(iter(STEPS))
    if step not in erasure.steps_done:
        STEPS[step](person, receipt)
        store.step_done(receipt, step, clock.now() + STUCK_AFTER)
        telemetry.info("step of a deletion done", step=step)
    following = _following(step)
    if following is not None:
        publish(TOPIC, event.model_copy(update={"step": following}))
    elif erasure.erased_at is None:
        store.erased(receipt, clock.now(), clock.now() + LOOKED_AT_AGAIN_AFTER)


def begin_due() -> None:
    """Begin the deletions whose grace period is over."""
    for request in store.due_deletions(clock.now()):
        if store.mark_begun(request):
            deletion.begin(store.whose(request), own_service_account(), "the person's wish")


def go_on() -> None:
    """Have the erasures go on whose events were lost, and those finished that nothing was left of."""
    now = clock.now()
    for person, erasure in store.unfinished_erasures(now):
        store.look_again_at(erasure.receipt, now + STUCK_AFTER)
        event = UserEvent(type="user.deleting", person=person, subject=erasure.receipt, step=_open_step(erasure))
        publish(TOPIC, event)


def _open_step(erasure: Erasure) -> str:
    if erasure.erased_at is not None:
        return LOOK_AGAIN
    return next((step for step in STEPS if step not in erasure.steps_done), _LAST)


def _following(step: str) -> str | None:
    names = list(STEPS)
    place = names.index(step) + 1
    return names[place] if place < len(names) else None


def _finish(person: UserId, receipt: str) -> None:
    _erase_objects(person, receipt)
    _erase_documents(person, receipt)
    recording.record(person, Action.DELETION, own_service_account(), "nothing is left", "finished")
    store.finish_erasure(receipt, clock.now())


def _erase_objects(person: UserId, _: str) -> None:
    for bucket in BUCKETS:
        for stored in storage.list_objects(bucket, person):
            storage.delete(bucket, stored.name, generation=stored.generation)


def _erase_documents(person: UserId, _: str) -> None:
    """Requests that were under way write for a moment longer, so what is left is looked for anew.

    Raises `Unavailable` when they still do.
    """
    store.forget_name(person)
    if not any(erase_documents(person) for _ in range(ERASED_AT_MOST)):
        raise Unavailable("The person's data is still being written")


def _delete_at_clerk(person: UserId, _: str) -> None:
    """So that nobody can sign in as somebody who is gone."""
    people.delete(person)


STEPS: Mapping[str, Step] = {
    "clerk": _delete_at_clerk,
    **{f"end {part.room}": part.end for part in PARTS if part.end is not None},
    "objects": _erase_objects,
    "documents": _erase_documents,
}
"""By the names that events and erasures have."""
_LAST = "documents"
