"""The vault's documents, in a database of their own.

vault   users/{uid}/keysets/current            the wrapped keyset
vault   users/{uid}/sealed_tokens/{account}    the sealed tokens, when they expire, and who refreshes them
"""

from datetime import datetime
from typing import Any

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
    person,
)

SCHEMA_VERSION = 1


class SealedTokens(BaseModel):
    """An account's tokens as they are kept.

    `generation` grows with every lease and every consent, so that a late holder is fenced; `consented_at` tells one
    consent from another.
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


def erase(user: UserId) -> None:
    """Delete the person's keyset, without which nobody can open what it sealed, and then all the rest."""
    _keyset(user).delete()
    client(Database.VAULT).recursive_delete(person(user, Database.VAULT))


def association(user: UserId, account_id: str) -> str:
    """What sealed tokens are bound to: the full path of their document."""
    return f"{Database.VAULT.value}/users/{user}/sealed_tokens/{account_id}"


def _keyset(user: UserId) -> Any:
    return person(user, Database.VAULT).collection("keysets").document("current")


def _tokens(user: UserId, account_id: str) -> Any:
    return person(user, Database.VAULT).collection("sealed_tokens").document(account_id)
