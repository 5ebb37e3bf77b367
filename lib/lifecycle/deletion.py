"""The end of a person: asked for, undone within the grace period, and begun when the time has come."""

from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, ids
from lib.core.errors import Conflict, NotFound
from lib.core.events import publish
from lib.core.identity import Identity
from lib.core.settings import load
from lib.core.store import UserId
from lib.lifecycle import store
from lib.lifecycle.models import TOPIC, Deletion, Erasure, UserEvent
from lib.lifecycle.settings import LifecycleSettings

STEPS = "user.deleting"


class DeletionBegun(Conflict):
    title = "The deletion has begun and cannot be undone"


def ask(identity: Identity) -> Deletion:
    """Have everything of the person deleted when the grace period is over. Asked for again, the first time counts."""
    now = clock.now()
    wish = Deletion(receipt=ids.new("era"), requested_at=now, due_at=now + load(LifecycleSettings).deletion_grace)
    recording.record(identity.person, Action.DELETION, identity.caller, "the person's wish", "asked for")
    return store.request_deletion(identity.person, wish)


def read(person: UserId) -> Deletion:
    """The deletion that the person has asked for. Raises `NotFound`."""
    asked = store.deletion_of(person)
    if asked is None:
        raise NotFound("No deletion was asked for")
    return asked


def undo(identity: Identity) -> None:
    """Take the wish back. Raises `NotFound`, `DeletionBegun`."""
    withdrawn = store.withdraw_deletion(identity.person)
    if withdrawn is None:
        raise NotFound("No deletion was asked for")
    if not withdrawn:
        raise DeletionBegun()
    recording.record(identity.person, Action.DELETION, identity.caller, "the person's wish", "undone")


def progress(receipt: str) -> Erasure:
    """How far the erasure with this receipt is, for whoever holds it. Raises `NotFound` before it has begun."""
    found = store.erasure(receipt)
    if found is None:
        raise NotFound("There is no such erasure")
    return found


def begin(person: UserId, caller: str, why: str) -> str:
    """Delete everything of the person from now on; returns the receipt. A repetition goes on with what was begun.

    Raises Google's API errors; it then has to be begun again.
    """
    asked = store.deletion_of(person)
    receipt = store.mark_deleted(person, asked.receipt if asked else ids.new("era"), clock.now())
    recording.record(person, Action.DELETION, caller, why, "begun")
    publish(TOPIC, UserEvent(type=STEPS, person=person, subject=receipt))
    return receipt
