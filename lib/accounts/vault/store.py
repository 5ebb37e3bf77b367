"""The vault's documents, in a database of their own.

vault   users/{uid}/keysets/current            the wrapped keyset
vault   users/{uid}/sealed_tokens/{account}    the sealed tokens, when they expire, and who refreshes them
vault   users/{uid}/pending_revocations/{account}   the sealed refresh token of a disconnected account, to be revoked
vault   epochs/current                         the oldest version of the vault's key that may wrap a keyset
vault   erasures/{receipt}                     that somebody's keyset was deleted, and which version had wrapped it

What is sealed is only kept if its key is the primary one of the stored keyset: the commit that writes it proves that
this has not changed since. A new keyset is only kept if the version that wrapped it is not about to be destroyed; one
that changes is compared with what it was, and never wrapped by an older version.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from google.cloud.firestore import FieldFilter, Transaction, WriteBatch
from pydantic import BaseModel, Field

from lib.accounts.models import Provider
from lib.core import clock, keys
from lib.core.store import (
    AlreadyExists,
    Database,
    FailedPrecondition,
    Global,
    NotFound,
    Snapshot,
    UserId,
    client,
    compare_and_set,
    delete_with_all_below,
    global_document,
    owner,
    person,
    together,
)

SCHEMA_VERSION = 1
KEYSET_SCHEMA_VERSION = 2
EPOCH = "current"
SEALED = "sealed"


class KeyReplaced(Exception):
    """What was to be kept is sealed with a key that is not the primary one of the person's keyset any more."""


class WrappedTooEarly(Exception):
    """The keyset is wrapped by a version that is about to be destroyed; `floor` is the oldest that is not."""

    def __init__(self, floor: int):
        super().__init__(f"older than version {floor}")
        self.floor = floor


class StoredKeyset(BaseModel):
    """A person's keyset as it is kept. Keys are named by their ids: `primary` seals, `older` ones still open.

    While there are older ones, what they sealed is being sealed anew; nothing more is kept that they seal. Documents of
    the first schema say neither their keys nor the version that wrapped them (0).
    """

    wrapped: bytes
    kek_version: int = 0
    primary: int | None = None
    older: list[int] = Field(default_factory=list)
    rotation_due_at: datetime | None = None


class SealedTokens(BaseModel):
    """An account's tokens as they are kept.

    `generation` grows with every lease and every consent, so that a late holder is fenced; `consented_at` tells one
    consent from another. `lapses_at` is when the grant ends if nobody uses it, `ends_at` when it ends in any case,
    where the provider says so. `due_at` is when it is to be refreshed though nobody asks; None for one that has ended.
    """

    provider: Provider
    sealed: bytes
    scopes: list[str]
    expires_at: datetime
    consented_at: datetime
    generation: int = 0
    lease_until: datetime | None = None
    ended_because: str | None = None
    paused_until: datetime | None = None
    failures: int = 0
    lapses_at: datetime | None = None
    ends_at: datetime | None = None
    due_at: datetime | None = None
    last_handed_out_at: datetime | None = None


class PendingRevocation(BaseModel):
    """A grant that is still to be ended at its provider, of an account that is gone for the person.

    `due_at` is when the provider is asked again, `gives_up_at` after when no more. `claimed_until` is set while
    somebody asks it. Nobody asks until `held_until`: the person may be about to connect the account again.
    """

    provider: Provider
    sealed: bytes
    purpose: str
    due_at: datetime
    gives_up_at: datetime
    attempts: int = 0
    claimed_until: datetime | None = None
    held_until: datetime | None = None


def keyset(user: UserId) -> tuple[StoredKeyset, Snapshot] | None:
    """The person's keyset, with the snapshot that a change is compared to."""
    snapshot = _keyset(user).get()
    return (StoredKeyset.model_validate(snapshot.to_dict()), snapshot) if snapshot.exists else None


def create_keyset(user: UserId, made: StoredKeyset) -> bool:
    """Keep a new keyset; False if the person has one already. Raises `WrappedTooEarly`."""
    document = _keyset_document(made) | {"created_at": clock.now()}

    def create(transaction: Transaction) -> None:
        oldest = _floor(global_document(Global.EPOCHS, EPOCH, Database.VAULT).get(transaction=transaction))
        if made.kek_version < oldest:
            raise WrappedTooEarly(oldest)
        transaction.create(_keyset(user), document)

    try:
        together(Database.VAULT, create)
    except AlreadyExists:
        return False
    return True


def change_keyset(snapshot: Snapshot, changed: StoredKeyset) -> bool:
    """Keep the keyset in another form if nobody wrote since the snapshot; False if somebody did."""
    return change(snapshot, **_keyset_document(changed))


def put_off_rotation(snapshot: Snapshot, due_at: datetime) -> None:
    """Have the keyset looked at again later, unless somebody wrote since the snapshot."""
    change(snapshot, rotation_due_at=due_at)


def keysets_due(now: datetime, most: int) -> list[UserId]:
    """Whose keysets are due for a new key, or to be finished with; the longest due first."""
    keysets = client(Database.VAULT).collection_group("keysets")
    due = keysets.where(filter=FieldFilter("rotation_due_at", "<=", now)).order_by("rotation_due_at").limit(most)
    return [owner(snapshot) for snapshot in due.stream()]


def keysets_wrapped_before(version: int, most: int, after: Snapshot | None = None) -> list[Snapshot]:
    """Keysets that are wrapped by older versions of the vault's key, further on in the list than a snapshot."""
    keysets = client(Database.VAULT).collection_group("keysets")
    older = keysets.where(filter=FieldFilter("kek_version", "<", version)).order_by("kek_version").limit(most)
    return list((older if after is None else older.start_after(after)).get())


def keysets_of_first_schema(most: int, after: Snapshot | None = None) -> list[Snapshot]:
    """Keysets that do not say what wrapped them, further on in the list than a snapshot."""
    keysets = client(Database.VAULT).collection_group("keysets")
    first = keysets.where(filter=FieldFilter("schema_version", "<", 2)).order_by("schema_version").limit(most)
    return list((first if after is None else first.start_after(after)).get())


def sealed_with_other_keys(user: UserId, primary: int) -> Iterator[Snapshot]:
    """What of the person is sealed with another key than the primary one. Raises `Unreadable` for unknown formats."""
    for collection in _sealed(user):
        for snapshot in collection.stream():
            if keys.sealing_key(snapshot.get(SEALED)) != primary:
                yield snapshot


def again(snapshot: Snapshot) -> Snapshot | None:
    """The document as it is now."""
    found = snapshot.reference.get()
    return found if found.exists else None


def floor() -> int:
    """The oldest version of the vault's key that may wrap a keyset from now on; 0 if any may."""
    return _floor(global_document(Global.EPOCHS, EPOCH, Database.VAULT).get())


def read(user: UserId, account_id: str) -> tuple[SealedTokens, Snapshot] | None:
    """An account's sealed tokens, with the snapshot that a change is compared to."""
    snapshot = _tokens(user, account_id).get()
    return (SealedTokens.model_validate(snapshot.to_dict()), snapshot) if snapshot.exists else None


def all_of(user: UserId) -> dict[str, SealedTokens]:
    """The sealed tokens of all of a person's accounts."""
    stored = _sealed_tokens(user).stream()
    return {snapshot.id: SealedTokens.model_validate(snapshot.to_dict()) for snapshot in stored}


def replace(user: UserId, account_id: str, tokens: SealedTokens) -> None:
    """Keep the tokens of a consent, over whatever was there. Raises `KeyReplaced`."""
    while not _is_replaced(user, account_id, tokens):
        continue


def change(snapshot: Snapshot, **changes: Any) -> bool:
    """Change some fields if nobody wrote since the snapshot; False if somebody did.

    Raises `KeyReplaced` if `sealed` is among them, and its key is not the primary one any more.
    """
    if SEALED in changes:
        option = client(Database.VAULT).write_option(last_update_time=snapshot.update_time)
        return keep_sealed(
            owner(snapshot), changes[SEALED], lambda batch: batch.update(snapshot.reference, changes, option)
        )
    try:
        return compare_and_set(snapshot, changes)
    except NotFound:
        return False


def forget(snapshot: Snapshot) -> bool:
    """Delete an account's tokens if nobody wrote since the snapshot; False if somebody did."""
    try:
        snapshot.reference.delete(option=client(Database.VAULT).write_option(last_update_time=snapshot.update_time))
    except (NotFound, FailedPrecondition):
        return False
    return True


def keep_sealed(user: UserId, sealed: bytes, add: Callable[[WriteBatch], object]) -> bool:
    """Commit what `add` adds if all that it expects is so; False if somebody wrote meanwhile.

    Raises `KeyReplaced`. The same commit writes the keyset as it is, which changes nothing, not even when it was last
    updated, and fails if somebody has changed it
    (https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1#writeresult).
    """
    while True:
        found = keyset(user)
        if found is None:
            raise KeyReplaced
        kept, snapshot = found
        # The first schema does not say; there, nothing was ever replaced.
        if kept.primary not in (None, keys.sealing_key(sealed)):
            raise KeyReplaced
        batch = client(Database.VAULT).batch()
        add(batch)
        compare_and_set(snapshot, {"schema_version": snapshot.get("schema_version")}, batch)
        try:
            batch.commit()
        except (AlreadyExists, NotFound, FailedPrecondition):
            latest = again(snapshot)
            if latest is not None and latest.update_time == snapshot.update_time:
                return False
        else:
            return True


def due(moment: datetime, after: datetime, at_most: int) -> Iterator[tuple[UserId, str, datetime]]:
    """Whose tokens of which account are to be refreshed by then, and since when, the longest due first."""
    query = (
        client(Database.VAULT)
        .collection_group("sealed_tokens")
        .where(filter=FieldFilter("due_at", ">", after))
        .where(filter=FieldFilter("due_at", "<=", moment))
        .order_by("due_at")
        .limit(at_most)
    )
    for snapshot in query.stream():
        yield owner(snapshot), snapshot.id, snapshot.get("due_at")


def set_aside(snapshot: Snapshot, user: UserId, account_id: str, pending: PendingRevocation) -> bool:
    """Delete an account's tokens and keep what is to be revoked, at once; False if somebody wrote in between.

    Raises `KeyReplaced`.
    """
    option = client(Database.VAULT).write_option(last_update_time=snapshot.update_time)
    document = pending.model_dump() | {"schema_version": SCHEMA_VERSION}

    def move(batch: WriteBatch) -> None:
        batch.delete(snapshot.reference, option=option)
        batch.set(_pending(user, account_id), document)

    return keep_sealed(user, pending.sealed, move)


def pending(user: UserId, account_id: str) -> tuple[PendingRevocation, Snapshot] | None:
    """What is to be revoked of an account, with the snapshot that a change is compared to."""
    snapshot = _pending(user, account_id).get()
    return (PendingRevocation.model_validate(snapshot.to_dict()), snapshot) if snapshot.exists else None


def all_pending(user: UserId) -> dict[str, tuple[PendingRevocation, Snapshot]]:
    """What is to be revoked of all of a person's earlier accounts."""
    stored = _pending_revocations(user).stream()
    return {each.id: (PendingRevocation.model_validate(each.to_dict()), each) for each in stored}


def revocations_due(moment: datetime, after: datetime, at_most: int) -> Iterator[tuple[UserId, str, datetime]]:
    """Whose revocations of which account are due by then, and since when, the longest due first."""
    query = (
        client(Database.VAULT)
        .collection_group("pending_revocations")
        .where(filter=FieldFilter("due_at", ">", after))
        .where(filter=FieldFilter("due_at", "<=", moment))
        .order_by("due_at")
        .limit(at_most)
    )
    for snapshot in query.stream():
        yield owner(snapshot), snapshot.id, snapshot.get("due_at")


def erase(user: UserId, receipt: str) -> None:
    """Delete the person's keyset, without which nobody can open what it sealed, and then all the rest.

    That it was deleted is kept under the receipt in the same commit, for the certificate. May be done again.
    """
    while not _erase_keyset(user, receipt):
        continue
    delete_with_all_below(person(user, Database.VAULT), Database.VAULT)


def association(user: UserId, account_id: str) -> str:
    """What sealed tokens are bound to: the full path of their document."""
    return f"{Database.VAULT.value}/users/{user}/sealed_tokens/{account_id}"


def association_of(snapshot: Snapshot) -> str:
    """The same of any document that holds something sealed."""
    return f"{Database.VAULT.value}/{snapshot.reference.path}"


def revocation_association(user: UserId, account_id: str) -> str:
    """What a sealed refresh token that is to be revoked is bound to: the full path of its document."""
    return f"{Database.VAULT.value}/users/{user}/pending_revocations/{account_id}"


def _erase_keyset(user: UserId, receipt: str) -> bool:
    """Delete the keyset, with the record of it in the same commit; False if somebody wrote one of them meanwhile."""
    found, record = keyset(user), global_document(Global.ERASURES, receipt, Database.VAULT)
    recorded = record.get()
    if found is None and recorded.exists:
        return True
    # What was wrapped by an unknown version may have been wrapped by the newest.
    version = 0 if found is None else found[0].kek_version or floor()
    batch = client(Database.VAULT).batch()
    if found is not None:
        batch.delete(found[1].reference, client(Database.VAULT).write_option(last_update_time=found[1].update_time))
    if recorded.exists:
        version = max(version, int(recorded.get("kek_version")))
        compare_and_set(recorded, {"kek_version": version, "waits_for": version, "erased_at": clock.now()}, batch)
    else:
        erasure = {"kek_version": version, "waits_for": version, "erased_at": clock.now()}
        batch.create(record, erasure | {"schema_version": SCHEMA_VERSION})
    try:
        batch.commit()
    except (NotFound, FailedPrecondition, AlreadyExists):
        return False
    return True


def _floor(epoch: Snapshot) -> int:
    return int(epoch.get("floor")) if epoch.exists else 0


def _is_replaced(user: UserId, account_id: str, tokens: SealedTokens) -> bool:
    """False if somebody wrote meanwhile."""
    reference = _tokens(user, account_id)
    earlier = reference.get()
    generation = int(earlier.get("generation")) + 1 if earlier.exists else 0
    document = tokens.model_copy(update={"generation": generation}).model_dump() | {"schema_version": SCHEMA_VERSION}
    if earlier.exists:
        return change(earlier, **document)
    return keep_sealed(user, tokens.sealed, lambda batch: batch.create(reference, document))


def _keyset_document(kept: StoredKeyset) -> dict[str, Any]:
    return kept.model_dump() | {"schema_version": KEYSET_SCHEMA_VERSION}


def _keyset(user: UserId) -> Any:
    return person(user, Database.VAULT).collection("keysets").document("current")


def _sealed(user: UserId) -> tuple[Any, ...]:
    """Every collection of the person's whose documents hold something sealed; each calls it `sealed`."""
    return (_sealed_tokens(user), _pending_revocations(user))


def _sealed_tokens(user: UserId) -> Any:
    return person(user, Database.VAULT).collection("sealed_tokens")


def _tokens(user: UserId, account_id: str) -> Any:
    return _sealed_tokens(user).document(account_id)


def _pending_revocations(user: UserId) -> Any:
    return person(user, Database.VAULT).collection("pending_revocations")


def _pending(user: UserId, account_id: str) -> Any:
    return _pending_revocations(user).document(account_id)
