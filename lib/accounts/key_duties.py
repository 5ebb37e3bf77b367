"""Having the vault change the keys that are due: only its own door can."""

from lib.core import tasks

ROTATIONS = "/sweeps/rotations"
EPOCHS = "/sweeps/epochs"
QUEUE = "rotations"


def rotate_keysets() -> None:
    """Have people's keysets given new primary keys."""
    enqueue(ROTATIONS)


def advance_epoch() -> None:
    """Have the vault's key given a new version, and the older ones destroyed."""
    enqueue(EPOCHS)


def enqueue(sweep: str) -> None:
    """Have one of the vault's sweeps done."""
    tasks.enqueue(QUEUE, "tokens", sweep, None)
