"""Changing the keys that are due, a bounded amount of work per task; what is left is for the next task."""

from datetime import timedelta

from lib.accounts.key_duties import EPOCHS, ROTATIONS, enqueue
from lib.accounts.vault import rotation, store
from lib.accounts.vault.epochs import advancing
from lib.core import clock, deadline, parallel
from lib.core.errors import Problem

MOST_AT_ONCE = 100
LONGEST_ROTATIONS = timedelta(seconds=15)
ENOUGH_LEFT = timedelta(seconds=12)
"""With less of its time left, a task leaves the next step to another one."""


def rotate_keysets() -> None:
    """Rotate some of the keysets that are due, and have another task do the rest."""
    if rotate_some():
        enqueue(ROTATIONS)


def rotate_some() -> bool:
    """Rotate some of the keysets that are due; whether there may be more.

    Those that fail are left alone for a while, so that others get on.
    """
    due = store.keysets_due(clock.now(), MOST_AT_ONCE)
    outcomes = parallel.ask_all(due, rotation.rotate, LONGEST_ROTATIONS)
    for user, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, Problem):
            rotation.put_off(user, outcome)
    return len(due) == MOST_AT_ONCE


def advance_epoch() -> None:
    """Bring the change to a new version of the vault's key as far as it gets."""
    while advancing.advance():
        if deadline.current().remaining() < ENOUGH_LEFT:
            enqueue(EPOCHS)
            return
