"""Refreshing tokens, once for all: by whoever needs one, and ahead of time for accounts that are in use.

A refresh is made by whoever holds the lease on the document of the tokens. The lease is taken by compare-and-set and
raises the generation; the result is written by compare-and-set too, so that a holder whose lease ran out cannot
overwrite what another one stored.

A provider that fails is left alone: for this account for a while that doubles with every failure, and for all of its
accounts by the breaker that all processes share.
"""

import random
from datetime import datetime, timedelta

from lib.accounts import store as account_store
from lib.accounts.errors import ProviderBusy
from lib.accounts.models import AccountTask, Provider, Refreshed, SweepRequest, Swept
from lib.accounts.ports import Grant, GrantEnded, OAuth
from lib.accounts.store import GrantState
from lib.accounts.vault import sealing, store, sweeping
from lib.accounts.vault.adapters import PROVIDERS, Providers
from lib.accounts.vault.sealing import Tokens
from lib.accounts.vault.store import SealedTokens
from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, telemetry
from lib.core.breaker import breaker
from lib.core.errors import NotFound, Unavailable
from lib.core.identity import Identity
from lib.core.keys import Unreadable
from lib.core.settings import Settings, load
from lib.core.store import Snapshot, UserId
from lib.usage import deletion

LEASE = timedelta(seconds=20)
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)
LONGEST_ASKED_PAUSE = timedelta(hours=1)
LONGEST_AHEAD = timedelta(minutes=15)
"""Callers keep a token until five minutes before its end, and ask then: until there, it has to be a new one."""
SPREAD = timedelta(minutes=4)
"""Tokens that were got at the same time are not refreshed at the same time again."""
QUEUE = "refreshes"
IN_THE_BACKGROUND = "refresh ahead of expiry"


class KeepingSettings(Settings):
    """For how long after the last hand-out an account's access tokens are kept fresh."""

    kept_fresh_after_use: timedelta = timedelta(days=1)


def next_due(kept: SealedTokens) -> datetime:
    """When tokens that were just stored are to be refreshed though nobody asks.

    Those of an account in use before they expire, those of any other after a third of the time in which the grant
    would lapse, so that two more thirds are left for what may be wrong then.
    """
    now = clock.now()
    jitter = random.random()
    if kept.last_handed_out_at and now - kept.last_handed_out_at < load(KeepingSettings).kept_fresh_after_use:
        lifetime = kept.expires_at - now
        return kept.expires_at - min(LONGEST_AHEAD, lifetime / 4) - jitter * min(SPREAD, lifetime / 8)
    lapses_in: timedelta = (kept.lapses_at or kept.expires_at) - now
    return now + (lapses_in / 3) * (1 - jitter / 4)


def granted_until(kept: SealedTokens) -> datetime | None:
    """When the grant ends if nothing is done, as far as that is known."""
    ends = [moment for moment in (kept.lapses_at, kept.ends_at) if moment is not None]
    return min(ends, default=None)


def lease(user: UserId, account_id: str, kept: SealedTokens, snapshot: Snapshot) -> Snapshot | None:
    """Our lease on refreshing, as a snapshot to compare with; None while it is somebody else's.

    Raises `ProviderBusy` while the provider is being left alone after a failure.
    """
    now = clock.now()
    if kept.paused_until is not None and kept.paused_until > now:
        raise ProviderBusy("The provider failed a moment ago")
    if kept.lease_until is not None and kept.lease_until > now:
        return None
    if not store.change(snapshot, lease_until=now + LEASE, generation=kept.generation + 1):
        return None
    found = store.read(user, account_id)
    return found[1] if found and found[0].generation == kept.generation + 1 else None


def refresh(
    identity: Identity,
    account_id: str,
    tokens: Tokens,
    leased: Snapshot,
    providers: Providers,
    *,
    purpose: str | None = None,
) -> bool:
    """Refresh under the lease and store the outcome, unless somebody else has stored something since.

    `purpose` is what somebody is about to be handed the token for. A failure is written down. Whether there is a new
    token now; False if the grant has ended. Raises `ProviderBusy`.
    """
    kept = SealedTokens.model_validate(leased.to_dict())
    try:
        grant = _answered(kept.provider, providers[kept.provider], tokens, frozenset(kept.scopes))
    except GrantEnded as error:
        _end(identity.person, account_id, kept, leased, str(error))
        _record_failure(identity, account_id, purpose, error)
        return False
    except ProviderBusy as error:
        _pause(identity.person, account_id, kept, leased, error)
        # In the background, the first failure of many tells enough.
        if purpose is not None or not kept.failures:
            _record_failure(identity, account_id, purpose, error)
        raise
    renewed = _renewed(kept, grant, asked_for=purpose is not None)
    changes = renewed.model_dump(include=_REFRESHED)
    if sealing.reseal(
        identity.person,
        account_id,
        Tokens(grant.access_token, grant.refresh_token or tokens.refresh),
        lambda sealed: store.change(leased, sealed=sealed, **changes),
    ):
        show(identity.person, account_id, renewed)
    return True


def show(user: UserId, account_id: str, kept: SealedTokens) -> None:
    """Have the account show what is known of its tokens."""
    state = GrantState(kept.ended_because, sorted(kept.scopes), kept.paused_until, granted_until(kept))
    account_store.show_state(user, account_id, kept.consented_at, state)


def refresh_ahead(identity: Identity, request: AccountTask, providers: Providers = PROVIDERS) -> Refreshed:
    """Refresh an account's tokens if that is due: told of it twice, or late, this does nothing.

    A provider that does not answer is asked again when the account is next found due.
    """
    user, account_id = identity.person, request.account_id
    found = store.read(user, account_id)
    if found is None or not _is_due(found[0]) or deletion.is_deleted(user):
        return Refreshed(refreshed=False)
    kept, snapshot = found
    try:
        leased = lease(user, account_id, kept, snapshot)
        tokens = _opened(user, account_id, kept, leased) if leased else None
        if leased is None or tokens is None:
            return Refreshed(refreshed=False)
        return Refreshed(refreshed=refresh(identity, account_id, tokens, leased, providers))
    except ProviderBusy:
        return Refreshed(refreshed=False)


def sweep(request: SweepRequest) -> Swept:
    """Enqueue a task for every account whose tokens are due."""
    return sweeping.enqueue_due(store.due, queue=QUEUE, path="/refreshes", sweep="/sweeps/refreshes", request=request)


_REFRESHED = {
    *("scopes", "expires_at", "lease_until", "paused_until", "failures"),
    *("lapses_at", "ends_at", "due_at", "last_handed_out_at"),
}


def _answered(provider: Provider, adapter: OAuth, tokens: Tokens, scopes: frozenset[str]) -> Grant:
    """What the provider answers, unless so many refreshes failed lately that it is left alone.

    Raises `GrantEnded`, `ProviderBusy`.
    """
    try:
        return breaker(f"{provider}-tokens").call(
            lambda: adapter.refresh(tokens.refresh, scopes), is_outage=lambda error: isinstance(error, ProviderBusy)
        )
    except Unavailable as closed:
        pause = timedelta(seconds=int(closed.headers.get("Retry-After", "0")))
        raise ProviderBusy(closed.detail, asked_pause=pause) from None


def _renewed(kept: SealedTokens, grant: Grant, *, asked_for: bool) -> SealedTokens:
    now = clock.now()
    renewed = kept.model_copy(
        update={
            # An answer that names none means that nothing changed (RFC 6749, section 5.1).
            "scopes": sorted(grant.scopes) if grant.scopes else kept.scopes,
            "expires_at": now + grant.lifetime,
            "lease_until": None,
            "paused_until": None,
            "failures": 0,
            "lapses_at": now + grant.lasts_unused,
            "ends_at": now + grant.lasts if grant.lasts is not None else kept.ends_at,
            "last_handed_out_at": now if asked_for else kept.last_handed_out_at,
        }
    )
    return renewed.model_copy(update={"due_at": next_due(renewed)})


def _end(user: UserId, account_id: str, kept: SealedTokens, leased: Snapshot, reason: str) -> None:
    if store.change(leased, lease_until=None, ended_because=reason, due_at=None):
        show(user, account_id, kept.model_copy(update={"ended_because": reason}))


def _pause(user: UserId, account_id: str, kept: SealedTokens, leased: Snapshot, error: ProviderBusy) -> None:
    failures = kept.failures + 1
    doubled = min(FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
    asked = min(error.asked_pause or timedelta(), LONGEST_ASKED_PAUSE)
    paused_until: datetime = clock.now() + max(asked, doubled * random.uniform(0.5, 1))
    due_at = None if kept.due_at is None else max(kept.due_at, paused_until)
    changes = {"lease_until": None, "failures": failures, "paused_until": paused_until, "due_at": due_at}
    if store.change(leased, **changes):
        show(user, account_id, kept.model_copy(update=changes))


def _record_failure(identity: Identity, account_id: str, purpose: str | None, error: Exception) -> None:
    """Of which kind it was, but not why: that is the provider's text, which may name the person."""
    recording.record(
        identity.person,
        Action.REFRESH,
        identity.caller,
        purpose or IN_THE_BACKGROUND,
        f"failed: {type(error).__name__}",
        account_id=account_id,
    )


def _opened(user: UserId, account_id: str, kept: SealedTokens, leased: Snapshot) -> Tokens | None:
    """The tokens; None for what nobody can open, which is not tried again and again. Whoever asks for it is told."""
    try:
        return sealing.opened(user, account_id, kept.sealed)
    except (NotFound, Unreadable) as error:
        telemetry.error("tokens that cannot be opened are kept fresh no longer", error)
        store.change(leased, lease_until=None, due_at=None)
        return None


def _is_due(kept: SealedTokens) -> bool:
    return kept.ended_because is None and kept.due_at is not None and kept.due_at <= clock.now()
