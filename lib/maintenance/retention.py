"""What people want to be forgotten after a time: found daily, and deleted by an event for each of them.

What expires by itself for everybody does so by Firestore's own hand (terraform/firestore.yaml, `expiry`).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from lib.core import clock
from lib.core.errors import NotFound
from lib.core.events import publish
from lib.core.store import UserId
from lib.lifecycle.models import TOPIC, UserEvent
from lib.maintenance.parts import PARTS
from lib.users import privacy, store
from lib.users.privacy import Kept

FORGETTING: Mapping[str, Callable[[UserId, datetime], None]] = {
    kind: forget for part in PARTS for kind, forget in part.retain.items()
}
"""How a kind of thing of before a moment is deleted, by the names that preferences have for the kinds."""


def begin() -> None:
    """Tell of everybody who wants something to be forgotten after a time."""
    for person in store.wanting_retention():
        publish(TOPIC, UserEvent(type="user.retaining", person=person))


def perform(event: UserEvent) -> None:
    """Delete what is older than the person wants, as they want it now, unless they have gone."""
    person = UserId(event.person)
    try:
        controls = privacy.controls(person)
    except NotFound:
        return
    for kind in Kept:
        age = privacy.retention(controls, kind)
        if age is not None:
            FORGETTING[kind](person, clock.now() - age)
