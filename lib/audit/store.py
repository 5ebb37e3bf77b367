"""The audit log, in a database of its own, where nobody changes a document: what is there was created as it is.

Whoever writes the log down may create and do no more. The sealer may also read, and delete what waits.

users/{person}/audit_entries/{id}          an `AuditEntry`
users/{person}/unsealed_entries/{id}       its hash, until it is in a seal
users/{person}/audit_seals/{number}        a seal, as `lib.audit.verify` has it
users/{person}/unproved_seals/{number}     its hash, until it has a proof
users/{person}/audit_proofs/{number}       the proof of the seal with this number
audit_heads/{number}                       a head, which is everybody's
head_plans/{number}                        the seals that it is of, until all of them have their proofs

{person} is a hash that stands for somebody. Numbers are written with leading zeros, so that they sort.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from google.cloud import firestore

from lib.audit.models import AuditEntry, Link, PersonHash, Pointer, written
from lib.audit.verify import hash_of
from lib.core import telemetry
from lib.core.store import (
    AlreadyExists,
    Conflict,
    Database,
    FailedPrecondition,
    NotFound,
    Snapshot,
    UserId,
    client,
    owner,
    person,
)

SCHEMA_VERSION = 1
PAGE = 200
_ID = re.compile(r"aud_[0-9a-v]{1,64}", re.ASCII)


def create(hashed: PersonHash, entry: AuditEntry) -> None:
    """Keep an entry, which nobody changes later, and that it waits for its seal."""
    document = entry.model_dump() | {"action": str(entry.action), "person": hashed, "schema_version": SCHEMA_VERSION}
    batch = client(Database.AUDIT).batch()
    batch.create(_entries(hashed).document(entry.id), document)
    batch.create(_unsealed(hashed).document(entry.id), _waiting(hash_of("entry", _hashed(document))))
    try:
        batch.commit()
    except AlreadyExists:
        # Nobody else has this id: an earlier try of the same call only seemed to fail.
        return


def page(hashed: PersonHash, limit: int, after: tuple[Any, str] | None) -> list[AuditEntry]:
    """A person's entries, newest first, after a position: an entry's time and id."""
    query = (
        _entries(hashed)
        .order_by("at", direction=firestore.Query.DESCENDING)
        .order_by("id", direction=firestore.Query.DESCENDING)
        .limit(limit)
    )
    if after is not None:
        query = query.start_after({"at": after[0], "id": after[1]})
    return [AuditEntry.model_validate(snapshot.to_dict()) for snapshot in query.stream()]


def unsealed(after: Snapshot | None) -> tuple[list[Pointer], Snapshot | None]:
    """Some of the entries that wait for a seal, those of one person beside each other, and where to go on."""
    query = client(Database.AUDIT).collection_group("unsealed_entries").limit(PAGE)
    if after is not None:
        query = query.start_after(after)
    found = list(query.stream())
    return list(_pointers(found)), found[-1] if len(found) == PAGE else None


def unproved(limit: int) -> list[Pointer]:
    """Seals that wait for a proof, each person's in order."""
    query = client(Database.AUDIT).collection_group("unproved_seals").limit(limit)
    return [each for each in _pointers(list(query.stream())) if each.id.isdecimal()]


def newest_seal(hashed: PersonHash) -> tuple[int, str]:
    """The number and the hash of a person's newest seal; 0 and "" if there is none."""
    query = _seals(hashed).order_by("number", direction=firestore.Query.DESCENDING).limit(1)
    return next(((int(found.id), _hash_in(found)) for found in query.stream()), (0, ""))


def create_seal(hashed: PersonHash, seal: dict[str, Any]) -> bool:
    """Keep a seal in the place of the entries that wait; False if somebody else has sealed meanwhile."""
    database = client(Database.AUDIT)
    number = _numbered(seal["number"])
    batch = database.batch()
    batch.create(_seals(hashed).document(number), _stored(seal))
    batch.create(_unproved(hashed).document(number), _waiting(seal["hash"]))
    for each in seal["entries"]:
        batch.delete(_unsealed(hashed).document(each["id"]), option=database.write_option(exists=True))
    return _committed(batch)


def newest_head() -> tuple[int, str]:
    """The number and the hash of the head with the highest number; 0 and "" if there is none."""
    query = _heads().order_by("number", direction=firestore.Query.DESCENDING).limit(1)
    return next(((int(found.id), _hash_in(found)) for found in query.stream()), (0, ""))


def heads(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The heads with these numbers, in their order, as far as they are there."""
    for start in range(0, len(numbers), PAGE):
        yield from _in_order([_heads().document(_numbered(number)) for number in numbers[start : start + PAGE]])


def create_head(head: dict[str, Any], seals: Sequence[Pointer]) -> bool:
    """Keep a head and what is to be done for its seals; False if there is one with this number."""
    number = _numbered(head["number"])
    batch = client(Database.AUDIT).batch()
    batch.create(_heads().document(number), _stored(head))
    leaves = [{"person": each.person, "seal": each.id, "hash": each.hash} for each in seals]
    batch.create(_plans().document(number), {"schema_version": SCHEMA_VERSION, "leaves": leaves})
    return _committed(batch)


def plans() -> Iterator[tuple[dict[str, Any], list[Pointer]]]:
    """The heads of which not all seals are known to have their proofs, with these seals."""
    for snapshot in list(_plans().limit(PAGE).stream()):
        leaves = [Pointer(PersonHash(each["person"]), each["seal"], each["hash"]) for each in snapshot.get("leaves")]
        for head in _in_order([_heads().document(snapshot.id)]):
            yield head, leaves


def create_proofs(proofs: Sequence[tuple[PersonHash, dict[str, Any]]]) -> None:
    """Keep proofs, each in the place of the seal that waits for it, but for those that somebody else has kept."""
    database = client(Database.AUDIT)
    by_place = {_unproved(hashed).document(_numbered(proof["seal"])).path: (hashed, proof) for hashed, proof in proofs}
    while True:
        found = database.get_all([database.document(place) for place in by_place])
        waiting = [by_place[snapshot.reference.path] for snapshot in found if snapshot.exists]
        batch = database.batch()
        for hashed, proof in waiting:
            number = _numbered(proof["seal"])
            batch.create(_proofs(hashed).document(number), _stored(proof))
            batch.delete(_unproved(hashed).document(number), option=database.write_option(exists=True))
        if not waiting or _committed(batch):
            return


def is_planned(number: int) -> bool:
    """Whether not all seals of the head with this number are known to have their proofs."""
    return bool(_plans().document(_numbered(number)).get().exists)


def finish(head: dict[str, Any]) -> None:
    """All seals of the head have their proofs."""
    _plans().document(_numbered(head["number"])).delete()


def links(hashed: PersonHash, after: int) -> Iterator[Link]:
    """A person's seals after a number, or all, in order; each is read together with what belongs to it."""
    query = _seals(hashed).where(filter=firestore.FieldFilter("number", ">", after)).order_by("number")
    together: list[tuple[Snapshot, list[Any]]] = []
    size = 0
    for snapshot in query.stream() if after else _seals(hashed).stream():
        belonging = [_entries(hashed).document(each) for each in _named_in(_shown(snapshot))]
        belonging += [_proofs(hashed).document(snapshot.id), _unproved(hashed).document(snapshot.id)]
        if together and size + len(belonging) > PAGE:
            yield from _linked(together)
            together, size = [], 0
        together.append((snapshot, belonging))
        size += len(belonging)
    if together:
        yield from _linked(together)


def _linked(seals: list[tuple[Snapshot, list[Any]]]) -> Iterator[Link]:
    """The seals with what belongs to each: its entries, then its proof and what waits for one, all read at once."""
    references = {one.path: one for _, belonging in seals for one in belonging}
    found = {one.reference.path: one for one in client(Database.AUDIT).get_all(list(references.values()))}
    for snapshot, belonging in seals:
        *entries, proof, pointer = (found[one.path] for one in belonging)
        yield Link(
            number=int(snapshot.id),
            seal=_shown(snapshot),
            entries=[_entry(one) for one in entries if one.exists],
            proof=_shown(proof) if proof.exists else None,
            awaits_proof=bool(pointer.exists),
        )


def waiting(hashed: PersonHash) -> list[Pointer]:
    """A person's entries that wait for a seal."""
    return list(_pointers(list(_unsealed(hashed).stream())))


def count(hashed: PersonHash) -> int:
    """How many entries a person has."""
    return int(_entries(hashed).count().get()[0][0].value)


def entry_ids(hashed: PersonHash) -> Iterator[str]:
    """The ids of all of a person's entries."""
    return (reference.id for reference in _entries(hashed).list_documents())


def entries(hashed: PersonHash, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The entries with these ids, in their order, as far as they are there."""
    for start in range(0, len(wanted), PAGE):
        references = [_entries(hashed).document(each) for each in wanted[start : start + PAGE]]
        found = {one.id: one for one in client(Database.AUDIT).get_all(references)}
        yield from (_entry(found[each.id]) for each in references if found[each.id].exists)


def _committed(batch: firestore.WriteBatch) -> bool:
    """False if somebody else was first, or is just now at the same documents (`Aborted` is a `Conflict`, too)."""
    try:
        batch.commit()
    except (Conflict, NotFound, FailedPrecondition):
        return False
    return True


def _pointers(found: list[Snapshot]) -> Iterator[Pointer]:
    for snapshot in found:
        try:
            whose = owner(snapshot)
        except ValueError:
            telemetry.error("what waits in the audit log is nobody's", place=snapshot.reference.path)
            continue
        yield Pointer(PersonHash(whose), snapshot.id, _hash_in(snapshot))


def _hash_in(snapshot: Snapshot) -> str:
    return str((snapshot.to_dict() or {}).get("hash", ""))


def _in_order(references: list[firestore.DocumentReference]) -> Iterator[dict[str, Any]]:
    found = {one.id: one for one in client(Database.AUDIT).get_all(references)}
    return (_shown(found[each.id]) for each in references if found[each.id].exists)


def _named_in(seal: dict[str, Any]) -> list[str]:
    """The entries that a seal names, as far as somebody who altered it left names of entries."""
    named = seal.get("entries")
    ids = [each.get("id") for each in named if isinstance(each, dict)] if isinstance(named, list) else []
    return [each for each in dict.fromkeys(ids) if isinstance(each, str) and _ID.fullmatch(each)]


def _entry(snapshot: Snapshot) -> dict[str, Any]:
    return _hashed(snapshot.to_dict() or {})


def _hashed(document: dict[str, Any]) -> dict[str, Any]:
    """An entry as its hash is taken of it."""
    at = document.get("at")
    return _shown_of(document) | ({"at": written(at)} if isinstance(at, datetime) else {})


def _shown(snapshot: Snapshot) -> dict[str, Any]:
    return _shown_of(snapshot.to_dict() or {})


def _shown_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document as the verifier takes it, where the schema's version is the format's."""
    return {("version" if name == "schema_version" else name): value for name, value in document.items()}


def _stored(value: dict[str, Any]) -> dict[str, Any]:
    return {("schema_version" if name == "version" else name): each for name, each in value.items()}


def _waiting(hash_of_it: str) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "hash": hash_of_it}


def _numbered(number: int) -> str:
    return f"{number:010d}"


def _entries(hashed: PersonHash) -> Any:
    return person(UserId(hashed), Database.AUDIT).collection("audit_entries")


def _unsealed(hashed: PersonHash) -> Any:
    return person(UserId(hashed), Database.AUDIT).collection("unsealed_entries")


def _seals(hashed: PersonHash) -> Any:
    return person(UserId(hashed), Database.AUDIT).collection("audit_seals")


def _unproved(hashed: PersonHash) -> Any:
    return person(UserId(hashed), Database.AUDIT).collection("unproved_seals")


def _proofs(hashed: PersonHash) -> Any:
    return person(UserId(hashed), Database.AUDIT).collection("audit_proofs")


def _heads() -> Any:
    return client(Database.AUDIT).collection("audit_heads")


def _plans() -> Any:
    return client(Database.AUDIT).collection("head_plans")
