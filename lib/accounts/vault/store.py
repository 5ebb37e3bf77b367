"""The vault's documents, in a database of their own.

vault   users/{uid}/keysets/current            the wrapped keyset
vault   users/{uid}/sealed_tokens/{account}    the sealed tokens, when they expire, and who refreshes them
vault   users/{uid}/pending_revocations/{account}   the sealed refresh token of a disconnected account, to be revoked
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from google.cloud import firestore
from pydantic import BaseModel

from lib.accounts.models import Provider
from lib.core import clock
from lib.core.store import (
    AlreadyExists,
    Database,
    FailedPrecondition,
    NotFound,
    Snapshot,
    UserId,
    client,
    compare_and_set,
    owner,
    person,
)

SCHEMA_VERSION = 1


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


def wrapped_keyset(user: UserId) -> bytes | None:
    """The person's keyset, wrapped."""
    stored = _keyset(user).get().to_dict()
    return bytes(stored["wrapped"]) if stored else None


def create_keyset(user: UserId, wrapped: bytes) -> bool:
    """Keep a new keyset; False if the person has one already."""
    try:
        _keyset(user).create({"schema_version": SCHEMA_VERSION, "wrapped": wrapped, "created_at": clock.now()})
    except AlreadyExists:
        return False
    return True


def read(user: UserId, account_id: str) -> tuple[SealedTokens, Snapshot] | None:
    """An account's sealed tokens, with the snapshot that a change is compared to."""
    snapshot = _tokens(user, account_id).get()
    return (SealedTokens.model_validate(snapshot.to_dict()), snapshot) if snapshot.exists else None


def all_of(user: UserId) -> dict[str, SealedTokens]:
    """The sealed tokens of all of a person's accounts."""
    stored = person(user, Database.VAULT).collection("sealed_tokens").stream()
    return {snapshot.id: SealedTokens.model_validate(snapshot.to_dict()) for snapshot in stored}


def replace(user: UserId, account_id: str, tokens: SealedTokens) -> None:
    """Keep the tokens of a consent, over whatever was there."""
    reference = _tokens(user, account_id)
    while True:
        earlier = reference.get()
        generation = int(earlier.get("generation")) + 1 if earlier.exists else 0
        document = tokens.model_copy(update={"generation": generation}).model_dump() | {
            "schema_version": SCHEMA_VERSION
        }
        if not earlier.exists:
            try:
                reference.create(document)
            except AlreadyExists:
                continue
            return
        if change(earlier, **document):
            return


def change(snapshot: Snapshot, **changes: Any) -> bool:
    """Change some fields if nobody wrote since the snapshot; False if somebody did."""
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


def due(moment: datetime, after: datetime, at_most: int) -> Iterator[tuple[UserId, str, datetime]]:
    """Whose tokens of which account are to be refreshed by then, and since when, the longest due first."""
    query = (
        client(Database.VAULT)
        .collection_group("sealed_tokens")
        .where(filter=firestore.FieldFilter("due_at", ">", after))
        .where(filter=firestore.FieldFilter("due_at", "<=", moment))
        .order_by("due_at")
        .limit(at_most)
    )
    for snapshot in query.stream():
        yield owner(snapshot), snapshot.id, snapshot.get("due_at")


def set_aside(snapshot: Snapshot, user: UserId, account_id: str, pending: PendingRevocation) -> bool:
    """Delete an account's tokens and keep what is to be revoked, at once; False if somebody wrote in between."""
    vault = client(Database.VAULT)
    batch = vault.batch()
    batch.delete(snapshot.reference, option=vault.write_option(last_update_time=snapshot.update_time))
    batch.set(_pending(user, account_id), pending.model_dump() | {"schema_version": SCHEMA_VERSION})
    try:
        batch.commit()
    except (NotFound, FailedPrecondition):
        return False
    return True


def pending(user: UserId, account_id: str) -> tuple[PendingRevocation, Snapshot] | None:
    """What is to be revoked of an account, with the snapshot that a change is compared to."""
    snapshot = _pending(user, account_id).get()
    return (PendingRevocation.model_validate(snapshot.to_dict()), snapshot) if snapshot.exists else None


def all_pending(user: UserId) -> dict[str, tuple[PendingRevocation, Snapshot]]:
    """What is to be revoked of all of a person's earlier accounts."""
    stored = person(user, Database.VAULT).collection("pending_revocations").stream()
    return {each.id: (PendingRevocation.model_validate(each.to_dict()), each) for each in stored}


def revocations_due(moment: datetime, after: datetime, at_most: int) -> Iterator[tuple[UserId, str, datetime]]:
    """Whose revocations of which account are due by then, and since when, the longest due first."""
    query = (
        client(Database.VAULT)
        .collection_group("pending_revocations")
        .where(filter=firestore.FieldFilter("due_at", ">", after))
        .where(filter=firestore.FieldFilter("due_at", "<=", moment))
        .order_by("due_at")
        .limit(at_most)
    )
    for snapshot in query.stream():
        yield owner(snapshot), snapshot.id, snapshot.get("due_at")


def erase(user: UserId) -> None:
    """Delete the person's keyset, without which nobody can open what it sealed, and then all the rest."""
    _keyset(user).delete()
    client(Database.VAULT).recursive_delete(person(user, Database.VAULT))


def association(user: UserId, account_id: str) -> str:
    """What sealed tokens are bound to: the full path of their document."""
    return f"{Database.VAULT.value}/users/{user}/sealed_tokens/{account_id}"


def revocation_association(user: UserId, account_id: str) -> str:
    """What a sealed refresh token that is to be revoked is bound to: the full path of its document."""
    return f"{Database.VAULT.value}/users/{user}/pending_revocations/{account_id}"


def _keyset(user: UserId) -> Any:
    return person(user, Database.VAULT).collection("keysets").document("current")


def _tokens(user: UserId, account_id: str) -> Any:
    return person(user, Database.VAULT).collection("sealed_tokens").document(account_id)


def _pending(user: UserId, account_id: str) -> Any:
    return person(user, Database.VAULT).collection("pending_revocations").document(account_id)
