"""From entries that wait to seals: each entry comes into exactly one, also when two sealers work or one of them dies.

A seal is created in one batch with the end of what waited for it. Two sealers can neither create the same number both,
nor both take the same entry away.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from lib.audit import store
from lib.audit.models import PersonHash, Pointer, written
from lib.audit.verify import VERSION, hash_of
from lib.core import clock, telemetry


def seal_waiting(has_time: Callable[[], bool]) -> bool:
    """Seal all entries that wait; False if there was not enough time. Raises Google's API errors.

    What somebody else seals meanwhile is left to them.
    """
    while True:
        sealed, after = 0, None
        while True:
            pointers, after = store.unsealed(after)
            for person, waiting in groupby(pointers, key=lambda pointer: pointer.person):
                if not has_time():
                    return False
                sealed += _seal(person, list(waiting))
            if after is None:
                break
        if not sealed:
            return True


def following(newest: tuple[int, str], person: PersonHash, waiting: Sequence[Pointer], at: datetime) -> dict[str, Any]:
    """The seal over these entries that follows the newest one, given by its number and hash."""
    seal = {
        "version": VERSION,
        "person": person,
        "number": newest[0] + 1,
        "previous": newest[1],
        "at": written(at),
        "entries": [{"id": each.id, "hash": each.hash} for each in waiting],
    }
    return seal | {"hash": hash_of("seal", seal)}


def _seal(person: PersonHash, waiting: Sequence[Pointer]) -> bool:
    created = store.create_seal(person, following(store.newest_seal(person), person, waiting, clock.now()))
    if not created:
        telemetry.info("another sealer was here", person=person)
    return created
