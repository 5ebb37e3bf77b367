"""Where an epoch has got to, and whose keysets were deleted.

vault   epochs/current         `Epoch`; its `floor` is what lib.accounts.vault.store refuses older wrappings by
vault   erasures/{receipt}     `Erasure`: the person is not named
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from google.cloud.firestore import DELETE_FIELD, FieldFilter
from pydantic import BaseModel

from lib.accounts.vault.store import EPOCH
from lib.core.store import (
    AlreadyExists,
    Database,
    Global,
    NotFound,
    Snapshot,
    client,
    compare_and_set,
    global_document,
)

SCHEMA_VERSION = 1


class Phase(StrEnum):
    """What is to be done next."""

    RESTING = "resting"
    CREATING = "creating"
    PROMOTING = "promoting"
    REWRAPPING = "rewrapping"
    DESTROYING = "destroying"
    CERTIFYING = "certifying"


class Epoch(BaseModel):
    """Where the change to a new version of the vault's key has got to.

    `known` is the newest version that there was when it began, `target` the version that it changes to. No keyset may
    be wrapped by an older one than `floor` from then on. `destroyed_at` is when the destruction of all older ones had
    been ordered, `final_at` when it cannot be undone any more.
    """

    phase: Phase = Phase.RESTING
    begins_at: datetime
    known: int = 0
    target: int = 0
    floor: int = 0
    destroyed_at: datetime | None = None
    final_at: datetime | None = None


class Erasure(BaseModel):
    """That somebody's keyset was deleted. No version of the vault's key after `kek_version` ever wrapped it.

    `waits_for` is the same version until the certificate is there.
    """

    kek_version: int
    erased_at: datetime
    waits_for: int | None = None
    certified_at: datetime | None = None


def epoch() -> tuple[Epoch, Snapshot] | None:
    """The current epoch, with the snapshot that a change is compared to."""
    snapshot = global_document(Global.EPOCHS, EPOCH, Database.VAULT).get()
    return (Epoch.model_validate(snapshot.to_dict()), snapshot) if snapshot.exists else None


def begin(first: Epoch) -> None:
    """Keep the first epoch, unless there is one."""
    document = first.model_dump() | {"schema_version": SCHEMA_VERSION}
    try:
        global_document(Global.EPOCHS, EPOCH, Database.VAULT).create(document)
    except AlreadyExists:
        return


def advance(snapshot: Snapshot, epoch: Epoch) -> None:
    """Keep where the epoch has got to, unless somebody else has brought it further since."""
    compare_and_set(snapshot, epoch.model_dump())


def waiting_for_less_than(version: int, most: int) -> Iterator[tuple[str, Erasure, Snapshot]]:
    """Erasures without a certificate of keysets that only older versions wrapped, by receipt."""
    erasures = client(Database.VAULT).collection("erasures")
    waiting = erasures.where(filter=FieldFilter("waits_for", "<", version)).order_by("waits_for").limit(most)
    for snapshot in waiting.stream():
        yield snapshot.id, Erasure.model_validate(snapshot.to_dict()), snapshot


def certified(snapshot: Snapshot, at: datetime) -> None:
    """Note that the certificate is there, unless the erasure was done again since."""
    try:
        compare_and_set(snapshot, {"certified_at": at, "waits_for": DELETE_FIELD})
    except NotFound:
        return
