"""People who were deleted: their sessions live on for a minute, but nothing is done for them and nothing kept.

The deletion leaves a mark before it erases (`lib/users/lifecycle.py`). That somebody has none is remembered for a few
seconds, so that a busy person's requests do not each look for it. When Firestore does not answer, requests are
admitted, as by the limits: what they would write cannot be kept then either.
"""

from datetime import datetime, timedelta
from threading import Lock

from lib.core import clock, telemetry
from lib.core.errors import PersonDeleted
from lib.core.store import GoogleAPICallError, RetryError, UserId
from lib.core.telemetry import person_hash
from lib.usage import store

KEPT = timedelta(seconds=5)
MOST_PEOPLE = 50_000

_lock = Lock()
_unmarked: dict[UserId, datetime] = {}


def is_deleted(person: UserId) -> bool:
    """Whether the person has been deleted, as of now."""
    return store.has_deletion_mark(person_hash(person))


def refuse(person: UserId) -> None:
    """Let nobody pass who was deleted more than a few seconds ago. Raises `PersonDeleted`."""
    now = clock.now()
    with _lock:
        seen = _unmarked.get(person)
    if seen is not None and now - seen < KEPT:
        return
    try:
        if store.has_deletion_mark_at_once(person_hash(person)):
            raise PersonDeleted()
    except (GoogleAPICallError, RetryError) as error:
        telemetry.warning("deletion not looked for", exception=type(error).__name__)
        return
    with _lock:
        if len(_unmarked) >= MOST_PEOPLE:
            _unmarked.clear()
        _unmarked[person] = now
