"""Accounts in Firestore.

users/{uid}/accounts/{account}             an `Account`
users/{uid}/pending_connections/{hash}     a connecting that was begun; named by the state's hash, read once
"""

import hashlib
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from lib.accounts.models import Account, Health, Provider
from lib.core.store import FailedPrecondition, NotFound, UserId, client, compare_and_set, person

SCHEMA_VERSION = 1


class PendingConnection(BaseModel):
    """What has to match when the person comes back from the provider."""

    provider: Provider
    session: str
    code_verifier: str = Field(repr=False)
    redirect_url: str
    expires_at: datetime


def accounts(user: UserId) -> list[Account]:
    """The person's connected accounts, in the order of their connecting."""
    found = [Account.model_validate(snapshot.to_dict()) for snapshot in person(user).collection("accounts").stream()]
    return sorted(found, key=lambda account: account.connected_at)


def account(user: UserId, account_id: str) -> Account | None:
    """The person's account with this id."""
    stored = _account(user, account_id).get().to_dict()
    return Account.model_validate(stored) if stored else None


def save_connected(user: UserId, account: Account) -> Account:
    """Keep a connected account; one that was there keeps the time of its first connecting."""
    reference = _account(user, account.id)
    earlier = reference.get().to_dict()
    if earlier:
        account = account.model_copy(update={"connected_at": earlier["connected_at"]})
    reference.set(account.model_dump() | {"schema_version": SCHEMA_VERSION})
    return account


def set_health(user: UserId, account_id: str, consented_at: datetime, health: Health, reason: str | None) -> None:
    """Say whether the account works since this consent.

    Nothing happens if it was disconnected in the meantime, or connected again.
    """
    while True:
        snapshot = _account(user, account_id).get()
        if not snapshot.exists:
            return
        known = Account.model_validate(snapshot.to_dict())
        if known.consented_at > consented_at or (known.health, known.health_reason) == (health, reason):
            return
        try:
            if compare_and_set(snapshot, {"health": health, "health_reason": reason}):
                return
        except NotFound:
            return


def forget(user: UserId, account: Account) -> bool:
    """Delete the account; False if it was connected again in the meantime."""
    while True:
        snapshot = _account(user, account.id).get()
        if not snapshot.exists:
            return True
        if snapshot.get("consented_at") != account.consented_at:
            return False
        try:
            snapshot.reference.delete(option=client().write_option(last_update_time=snapshot.update_time))
        except (NotFound, FailedPrecondition):
            continue
        return True


def remember_connection(user: UserId, state: str, pending: PendingConnection) -> None:
    """Keep a connecting until the person comes back."""
    _pending(user, state).create(pending.model_dump() | {"schema_version": SCHEMA_VERSION})


def take_connection(user: UserId, state: str) -> PendingConnection | None:
    """The connecting of this state, for the first who asks; None for everybody after."""
    reference = _pending(user, state)
    stored = reference.get().to_dict()
    if stored is None:
        return None
    try:
        reference.delete(option=client().write_option(exists=True))
    except (NotFound, FailedPrecondition):
        return None
    return PendingConnection.model_validate(stored)


def _account(user: UserId, account_id: str) -> Any:
    return person(user).collection("accounts").document(account_id)


def _pending(user: UserId, state: str) -> Any:
    return person(user).collection("pending_connections").document(hashlib.sha256(state.encode()).hexdigest())
