"""Accounts in Firestore.

users/{uid}/accounts/{account}             an `Account`
users/{uid}/pending_connections/{hash}     a connecting that was begun; named by the state's hash, read once
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from lib.accounts import capabilities
from lib.accounts.models import Account, Health, Provider
from lib.core import clock
from lib.core.store import FailedPrecondition, NotFound, UserId, client, compare_and_set, person

SCHEMA_VERSION = 1
EXPIRING_WITHIN = timedelta(days=3)
"""Google gives an application that it has not verified grants of seven days: people are told in their second half."""
WORTH_A_WRITE = timedelta(hours=12)

_COMPUTED = ("capabilities", "health")


class PendingConnection(BaseModel):
    """What has to match when the person comes back from the provider."""

    provider: Provider
    session: str
    code_verifier: str = Field(repr=False)
    redirect_url: str
    expires_at: datetime
    scopes: list[str] = Field(default_factory=list)
    account_id: str | None = None


@dataclass(frozen=True)
class GrantState:
    """What the vault knows of a grant, as far as the account shows it; `health_reason` is why it has ended."""

    health_reason: str | None
    scopes: list[str]
    throttled_until: datetime | None
    grant_ends_at: datetime | None


def accounts(user: UserId) -> list[Account]:
    """The person's connected accounts, in the order of their connecting."""
    found = [_shown(snapshot.to_dict() or {}) for snapshot in person(user).collection("accounts").stream()]
    return sorted(found, key=lambda account: account.connected_at)


def account(user: UserId, account_id: str) -> Account | None:
    """The person's account with this id."""
    stored = _account(user, account_id).get().to_dict()
    return _shown(stored) if stored else None


def save_connected(user: UserId, account: Account) -> Account:
    """Keep a connected account; one that was there keeps the time of its first connecting."""
    reference = _account(user, account.id)
    earlier = reference.get().to_dict()
    if earlier:
        account = account.model_copy(update={"connected_at": earlier["connected_at"]})
    document = account.model_dump(exclude=set(_COMPUTED)) | {"schema_version": SCHEMA_VERSION}
    reference.set(document)
    return _shown(document)


def show_state(user: UserId, account_id: str, consented_at: datetime, state: GrantState) -> None:
    """Have the account show what the vault knows of this consent, if that is news.

    Nothing happens if it was disconnected in the meantime, or connected again.
    """
    while True:
        snapshot = _account(user, account_id).get()
        if not snapshot.exists:
            return
        known = Account.model_validate(snapshot.to_dict())
        if known.consented_at > consented_at or _is_told(known, state):
            return
        try:
            if compare_and_set(snapshot, asdict(state)):
                return
        except NotFound:
            return


def _shown(stored: dict[str, Any]) -> Account:
    """The account with what follows from what is stored, as of now: a pause that is over needs nobody to end it."""
    account = Account.model_validate(stored)
    health = _health(account, clock.now())
    return account.model_copy(
        update={
            "capabilities": capabilities.allowed(account.provider, account.scopes),
            "health": health,
            "throttled_until": account.throttled_until if health is Health.THROTTLED else None,
        }
    )


def _health(account: Account, now: datetime) -> Health:
    if account.health_reason is not None:
        return Health.NEEDS_RECONNECT
    if account.throttled_until is not None and account.throttled_until > now:
        return Health.THROTTLED
    if account.grant_ends_at is not None and account.grant_ends_at - EXPIRING_WITHIN <= now:
        return Health.EXPIRING
    return Health.OK


def _is_told(known: Account, state: GrantState) -> bool:
    """Whether the account shows this already. That a grant lasts an hour longer, day by day, is not worth a write."""
    told = GrantState(known.health_reason, sorted(known.scopes), known.throttled_until, known.grant_ends_at)
    if told.grant_ends_at is None or state.grant_ends_at is None:
        return told == state
    is_near = abs(told.grant_ends_at - state.grant_ends_at) < WORTH_A_WRITE
    return is_near and replace(told, grant_ends_at=state.grant_ends_at) == state


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
