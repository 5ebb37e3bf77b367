"""Accounts in Firestore.

users/{uid}/accounts/{account}             an `Account`
users/{uid}/pending_connections/{hash}     a connecting that was begun; named by the state's hash, read once
"""

import hashlib
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from lib.accounts.models import Account, Health, Provider
from lib.core.store import FailedPrecondition, NotFound, UserId, client, person

SCHEMA_VERSION = 1


class PendingConnection(BaseModel):
    """What has to match when the person comes back from the provider."""

    provider: Provider
    session: str
    code_verifier: str
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


def set_health(user: UserId, account_id: str, health: Health, reason: str | None) -> None:
    """Say whether the account works; nothing happens if it was disconnected in the meantime."""
    try:
        _account(user, account_id).update({"health": health, "health_reason": reason})
    except NotFound:
        return


def forget(user: UserId, account_id: str) -> None:
    """Delete the account."""
    _account(user, account_id).delete()


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
