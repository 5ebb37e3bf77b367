"""Accounts in Firestore: `users/{uid}/accounts/{account}` and the single-use states of connecting one."""

from typing import Any

from google.cloud import firestore

from lib.accounts.models import Account
from lib.core.store import UserId, person

SCHEMA_VERSION = 1


def accounts(user: UserId) -> list[Account]:
    """The person's connected accounts, in the order of their connecting."""
    found = [_account(snapshot.to_dict() or {}) for snapshot in person(user).collection("accounts").stream()]
    return sorted(found, key=lambda account: account.connected_at)


def account(user: UserId, account_id: str) -> Account | None:
    """The person's account with this id."""
    snapshot = reference(user, account_id).get()
    return _account(snapshot.to_dict() or {}) if snapshot.exists else None


def reference(user: UserId, account_id: str) -> firestore.DocumentReference:
    """Where the account is kept."""
    return person(user).collection("accounts").document(account_id)


def _account(data: dict[str, Any]) -> Account:
    return Account.model_validate(data)
