"""Ending at the provider what a disconnected account was granted, however long the provider does not answer.

The refresh token is kept until then, sealed and bound to its new place, from which nothing hands out tokens. Google
ends not one token but all that the person ever granted to Briefly with that account
(https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke), so that nothing is revoked any more
once the account is connected again; and while somebody is being asked, connecting waits.
"""

import time
from datetime import timedelta

from lib.accounts.errors import ProviderBusy
from lib.accounts.models import AccountTask, Provider, RevocationTried, SweepRequest, Swept
from lib.accounts.vault import keysets, store, sweeping
from lib.accounts.vault.adapters import PROVIDERS, Providers
from lib.accounts.vault.store import PendingRevocation
from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, deadline, telemetry
from lib.core.errors import DeadlineExceeded, Problem
from lib.core.identity import Identity
from lib.core.store import GoogleAPIError, Snapshot, UserId

LONGEST_REVOCATION = timedelta(seconds=5)
CLAIM = timedelta(seconds=8)
"""Longer than a revocation takes."""
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=12)
TRIED_FOR = timedelta(days=3)
HELD = timedelta(minutes=15)
"""Longer than it takes to exchange a code."""
POLL_SECONDS = 0.05
QUEUE = "revocations"
REVOKED = "revoked"


def pending(user: UserId, account_id: str, provider: Provider, refresh_token: str, purpose: str) -> PendingRevocation:
    """What to keep of a grant that is to be revoked; whoever makes it has claimed the first attempt.

    Raises `NoKeyset` when the person's keyset has been shredded meanwhile.
    """
    keyset = keysets.stored(user)
    if keyset is None:
        raise NoKeyset()
    now = clock.now()
    return PendingRevocation(
        provider=provider,
        sealed=keyset.seal(refresh_token.encode(), store.revocation_association(user, account_id)),
        purpose=purpose,
        due_at=now + FIRST_PAUSE,
        gives_up_at=now + TRIED_FOR,
        claimed_until=now + CLAIM,
    )


def try_claimed(identity: Identity, account_id: str, providers: Providers) -> RevocationTried:
    """Ask the provider, in the name of whoever has claimed it just now."""
    found = store.pending(identity.person, account_id)
    return _tried(identity, account_id, *found, providers) if found else RevocationTried(finished=True)


def try_again(identity: Identity, request: AccountTask, providers: Providers = PROVIDERS) -> RevocationTried:
    """Ask the provider again if that is due. Told of it twice, or late, this does nothing."""
    user, account_id = identity.person, request.account_id
    found = store.pending(user, account_id)
    if found is None:
        return RevocationTried(finished=True)
    revocation, snapshot = found
    if store.read(user, account_id) is not None:
        return _finish(identity, account_id, revocation, snapshot, "not revoked, connected again")
    now = clock.now()
    waits = [revocation.due_at, revocation.claimed_until or now, revocation.held_until or now]
    # What is due later is claimed too, so that whoever dies now is followed by the next sweep.
    due_at = now + _pause(revocation.attempts)
    if max(waits) > now or not store.change(snapshot, claimed_until=now + CLAIM, due_at=due_at):
        return RevocationTried(finished=False)
    return try_claimed(identity, account_id, providers)


def hold_back(user: UserId, provider: Provider) -> None:
    """Let nothing of the person's be revoked at the provider for a while, because a new grant is about to be taken in.

    Waits for whoever is asking the provider at this moment. Raises `DeadlineExceeded`.
    """
    for account_id in store.all_pending(user):
        while True:
            found = store.pending(user, account_id)
            if found is None or found[0].provider is not provider:
                break
            revocation, snapshot = found
            now = clock.now()
            if revocation.claimed_until is not None and revocation.claimed_until > now:
                deadline.current().seconds(CLAIM)
                time.sleep(POLL_SECONDS)
            elif store.change(snapshot, held_until=now + HELD):
                break


def call_off(identity: Identity, account_id: str) -> None:
    """Revoke nothing of an account that has been connected again: its new grant would end with the old one."""
    found = store.pending(identity.person, account_id)
    if found is not None:
        _finish(identity, account_id, *found, "not revoked, connected again")


def sweep(request: SweepRequest) -> Swept:
    """Enqueue a task for every revocation that is due."""
    return sweeping.enqueue_due(
        store.revocations_due, queue=QUEUE, path="/revocations", sweep="/sweeps/revocations", request=request
    )


def is_revoked(provider: Provider, refresh_token: str, providers: Providers) -> bool:
    """Whether the provider confirmed, within the time that a revocation may take.

    Raises `ProviderBusy`, `DeadlineExceeded`.
    """
    with deadline.within(LONGEST_REVOCATION) as limit:
        limit.seconds(LONGEST_REVOCATION)
        return providers[provider].revoke(refresh_token)


def opened(user: UserId, account_id: str, revocation: PendingRevocation) -> str:
    """The refresh token. Raises `Unreadable`, `NoKeyset`, and Google's API errors of the unwrapping."""
    keyset = keysets.stored(user)
    if keyset is None:
        raise NoKeyset()
    return keyset.open(revocation.sealed, store.revocation_association(user, account_id)).decode()


class NoKeyset(Exception):
    """The person's keyset is gone, and with it whatever it sealed."""


def _tried(
    identity: Identity, account_id: str, revocation: PendingRevocation, snapshot: Snapshot, providers: Providers
) -> RevocationTried:
    try:
        refresh_token = opened(identity.person, account_id, revocation)
        outcome = REVOKED if is_revoked(revocation.provider, refresh_token, providers) else "nothing to revoke"
    except (ProviderBusy, DeadlineExceeded, GoogleAPIError) as error:
        telemetry.warning("not revoked at the provider", exception=type(error).__name__)
        return _put_off(identity, account_id, revocation, snapshot)
    except (Problem, NoKeyset) as error:
        telemetry.warning("not revocable", exception=type(error).__name__)
        outcome = "not revoked, unreadable"
    finished = _finish(identity, account_id, revocation, snapshot, outcome)
    return finished.model_copy(update={"revoked": outcome == REVOKED})


def _put_off(identity: Identity, account_id: str, revocation: PendingRevocation, snapshot: Snapshot) -> RevocationTried:
    now = clock.now()
    if now >= revocation.gives_up_at:
        return _finish(identity, account_id, revocation, snapshot, "given up")
    due_at = now + _pause(revocation.attempts)
    store.change(snapshot, due_at=due_at, attempts=revocation.attempts + 1, claimed_until=None)
    return RevocationTried(finished=False)


def _finish(
    identity: Identity, account_id: str, revocation: PendingRevocation, snapshot: Snapshot, outcome: str
) -> RevocationTried:
    """Forget the token and write down why, unless somebody else has dealt with it since."""
    if store.forget(snapshot):
        recording.record(
            identity.person, Action.REVOKE, identity.caller, revocation.purpose, outcome, account_id=account_id
        )
    return RevocationTried(finished=True)


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts, 16)
    return min(doubled, LONGEST_PAUSE)
