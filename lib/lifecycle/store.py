"""Deletions and exports in Firestore.

users/{uid}/deletion_requests/current     a `Deletion`, and whether it has begun
users/{uid}/exports/{export}              an `Export`, with the files of the parts that are gathered
deleted_users/{hash}                      the mark of somebody who was deleted; without personal data, for ever
deletions/{receipt}                       an `Erasure`; whose it is, is forgotten when it is finished
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from google.cloud import firestore

from lib.core.store import (
    AlreadyExists,
    FailedPrecondition,
    Global,
    NotFound,
    Snapshot,
    UserId,
    client,
    compare_and_set,
    global_document,
    owner,
    person,
)
from lib.core.telemetry import person_hash
from lib.lifecycle.models import Deletion, Erasure, Export, ExportState, FileEntry

SCHEMA_VERSION = 1
WAITING, BEGUN = "waiting", "begun"


def request_deletion(user: UserId, deletion: Deletion) -> Deletion:
    """Keep a wish; the one that is kept already stays as it is."""
    try:
        _request(user).create(deletion.model_dump() | {"schema_version": SCHEMA_VERSION, "state": WAITING})
    except AlreadyExists:
        return deletion_of(user) or deletion
    return deletion


def deletion_of(user: UserId) -> Deletion | None:
    """The deletion that the person has asked for."""
    stored = _request(user).get().to_dict()
    return Deletion.model_validate(stored) if stored else None


def withdraw_deletion(user: UserId) -> bool | None:
    """Forget the wish; False if it has begun, None if there is none."""
    while True:
        snapshot = _request(user).get()
        if not snapshot.exists:
            return None
        if snapshot.get("state") != WAITING:
            return False
        try:
            snapshot.reference.delete(option=client().write_option(last_update_time=snapshot.update_time))
        except (FailedPrecondition, NotFound):
            continue
        return True


def due_deletions(now: datetime) -> Iterator[Snapshot]:
    """Everybody's wishes whose time has come."""
    query = client().collection_group("deletion_requests").where(filter=firestore.FieldFilter("due_at", "<=", now))
    yield from query.stream()


def mark_begun(request: Snapshot) -> bool:
    """Have a wish withdrawn no more; False if it was, a moment ago."""
    try:
        return compare_and_set(request, {"state": BEGUN})
    except NotFound:
        return False


def whose(snapshot: Snapshot) -> UserId:
    """Whose document it is."""
    return owner(snapshot)


def mark_deleted(user: UserId, receipt: str, now: datetime) -> str:
    """Leave the mark, from which on nothing is done for the person. Returns the receipt, the first one if repeated."""
    mark, batch = global_document(Global.DELETED_USERS, person_hash(user)), client().batch()
    batch.create(mark, {"schema_version": SCHEMA_VERSION, "deleted_at": now, "receipt": receipt})
    erasure = Erasure(receipt=receipt, begun_at=now)
    batch.create(
        _erasure(receipt),
        erasure.model_dump() | {"schema_version": SCHEMA_VERSION, "person": user, "next_look_at": now},
    )
    try:
        batch.commit()
    except AlreadyExists:
        return str(mark.get().get("receipt"))
    return receipt


def erasure(receipt: str) -> Erasure | None:
    """How far the erasure with this receipt is."""
    stored = _erasure(receipt).get().to_dict()
    return Erasure.model_validate(stored) if stored else None


def step_done(receipt: str, step: str, next_look_at: datetime) -> None:
    """Note a step."""
    _erasure(receipt).update({"steps_done": firestore.ArrayUnion([step]), "next_look_at": next_look_at})


def erased(receipt: str, now: datetime, next_look_at: datetime) -> None:
    """Note that nothing is left, so that it is looked for once more later."""
    _erasure(receipt).update({"erased_at": now, "next_look_at": next_look_at})


def look_again_at(receipt: str, moment: datetime) -> None:
    """Have the erasure be due again at a moment."""
    _erasure(receipt).update({"next_look_at": moment})


def finish_erasure(receipt: str, now: datetime) -> None:
    """Note that it is over, and forget whose it was."""
    forgotten = {"person": firestore.DELETE_FIELD, "next_look_at": firestore.DELETE_FIELD}
    _erasure(receipt).update(forgotten | {"finished_at": now})


def unfinished_erasures(now: datetime) -> Iterator[tuple[UserId, Erasure]]:
    """Erasures that should have gone on by now, with whose they are."""
    query = client().collection("deletions").where(filter=firestore.FieldFilter("next_look_at", "<=", now))
    for snapshot in query.stream():
        yield UserId(snapshot.get("person")), Erasure.model_validate(snapshot.to_dict())


def forget_name(user: UserId) -> None:
    """Forget the name that stands for the person in logs."""
    global_document(Global.PERSON_HASHES, person_hash(user)).delete()


def create_export(user: UserId, export: Export, next_look_at: datetime) -> None:
    """Keep a new export."""
    document = export.model_dump() | {"schema_version": SCHEMA_VERSION, "files": {}, "next_look_at": next_look_at}
    _export(user, export.id).create(document)


def exports(user: UserId) -> list[Export]:
    """The person's exports, newest first."""
    found = person(user).collection("exports").order_by("requested_at", direction=firestore.Query.DESCENDING).stream()
    return [Export.model_validate(snapshot.to_dict()) for snapshot in found]


def export(user: UserId, export_id: str) -> Export | None:
    """An export."""
    stored = _export(user, export_id).get().to_dict()
    return Export.model_validate(stored) if stored else None


def export_files(user: UserId, export_id: str) -> dict[str, list[FileEntry]]:
    """The files of an export that are gathered, by part."""
    stored: dict[str, Any] = (_export(user, export_id).get().to_dict() or {}).get("files", {})
    return {part: [FileEntry.model_validate(file) for file in files] for part, files in stored.items()}


def keep_part(
    user: UserId, export_id: str, part: str, files: Sequence[FileEntry], *, of_parts: int, next_look_at: datetime
) -> None:
    """Note the files of one of so many parts, again if it was gathered again."""
    snapshot = _export(user, export_id).get()
    while snapshot.exists and snapshot.get("state") == ExportState.RUNNING:
        known = dict(snapshot.get("files")) | {part: [file.model_dump() for file in files]}
        changes = {"files": known, "parts_done": len(known), "parts_total": of_parts, "next_look_at": next_look_at}
        if compare_and_set(snapshot, changes):
            return
        snapshot = snapshot.reference.get()


def end_export(user: UserId, export_id: str, changes: dict[str, Any]) -> bool:
    """Note how a running export ended; False if it had ended before."""
    snapshot = _export(user, export_id).get()
    while snapshot.exists and snapshot.get("state") == ExportState.RUNNING:
        if compare_and_set(snapshot, changes | {"next_look_at": None}):
            return True
        snapshot = snapshot.reference.get()
    return False


def look_at_export_again(user: UserId, export_id: str, moment: datetime) -> None:
    """Have the export be due again at a moment."""
    _export(user, export_id).update({"next_look_at": moment})


def stuck_exports(now: datetime) -> Iterator[tuple[UserId, Export]]:
    """Everybody's exports that should have gone on by now, with whose they are."""
    query = client().collection_group("exports").where(filter=firestore.FieldFilter("next_look_at", "<=", now))
    for snapshot in query.stream():
        yield owner(snapshot), Export.model_validate(snapshot.to_dict())


def _request(user: UserId) -> Any:
    return person(user).collection("deletion_requests").document("current")


def _export(user: UserId, export_id: str) -> Any:
    return person(user).collection("exports").document(export_id)


def _erasure(receipt: str) -> Any:
    return global_document(Global.DELETIONS, receipt)
