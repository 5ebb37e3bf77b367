"""The end of tokens: those of an account that is disconnected, and everything of a person who is deleted."""

from contextlib import suppress

from lib.accounts.models import Shredded, ShredRequest
from lib.accounts.vault import keysets, revoking, sealing, store
from lib.accounts.vault.adapters import PROVIDERS, Providers
from lib.accounts.vault.revoking import NoKeyset
from lib.accounts.vault.store import KeyReplaced, PendingRevocation, SealedTokens
from lib.audit import recording
from lib.audit.models import Action
from lib.core import deadline, ids, telemetry
from lib.core.errors import Conflict, Problem
from lib.core.identity import Identity
from lib.core.store import GoogleAPIError, Snapshot, UserId
from lib.users.models import Erased, ErasureRequest


def shred(identity: Identity, request: ShredRequest, providers: Providers = PROVIDERS) -> Shredded:
    """Forget the account's tokens, and revoke them at the provider if they can be read: now, or else later.

    Raises `Conflict` when the person has connected the account again in the meantime; the new tokens stay.
    """
    user, account_id = identity.person, request.account_id
    found = store.read(user, account_id)
    if found is None:
        return Shredded(revoked_at_provider=False)

    def record(outcome: str) -> None:
        recording.record(user, Action.SHRED, identity.caller, request.purpose, outcome, account_id=account_id)

    record("begun")
    is_set_aside = _set_aside(user, request, *found)
    if is_set_aside is None:
        record("kept, connected again")
        raise Conflict("The account was connected again in the meantime")
    if not is_set_aside:
        record("forgotten, not revoked")
        return Shredded(revoked_at_provider=False)
    record("forgotten")
    tried = revoking.try_claimed(identity, account_id, providers)
    return Shredded(revoked_at_provider=tried.revoked, finishes_later=not tried.finished)


def erase(identity: Identity, request: ErasureRequest, providers: Providers = PROVIDERS) -> Erased:
    """Revoke all of a person's tokens as far as the providers answer, and delete these and the keyset in any case.

    The receipt names the certificate that there will be; done again, it has to be the same. Nothing is revoked later:
    for that the keyset would have to be kept. What was left from earlier is tried once more.
    """
    user, receipt = identity.person, request.receipt or ids.new("era")
    recording.record(user, Action.ERASE, identity.caller, request.purpose, "begun")
    accounts = store.all_of(user)
    with deadline.within(2 * revoking.LONGEST_REVOCATION):
        revoked = sum(_revoke(user, account_id, kept, providers) for account_id, kept in accounts.items())
        left = sum(
            _revoke(user, account_id, kept, providers) for account_id, (kept, _) in store.all_pending(user).items()
        )
    store.erase(user, receipt)
    keysets.forget(user)
    outcome = f"erased {len(accounts)}, of which {revoked} revoked; {left} of earlier ones"
    recording.record(user, Action.ERASE, identity.caller, request.purpose, outcome)
    return Erased(accounts=len(accounts), revoked_at_provider=revoked, receipt=receipt)


def _set_aside(user: UserId, request: ShredRequest, kept: SealedTokens, snapshot: Snapshot) -> bool | None:
    """Move the refresh token to what is to be revoked, even if it was refreshed since; the tokens are gone then.

    Whether there is anything to be revoked; None if there is another consent, which stays.
    """
    consented_at = kept.consented_at
    while True:
        pending = _revocable(user, request, kept)
        # Sealed with a key that is not the primary one any more, it is sealed anew.
        with suppress(KeyReplaced):
            if store.set_aside(snapshot, user, request.account_id, pending) if pending else store.forget(snapshot):
                return pending is not None
        found = store.read(user, request.account_id)
        if found is None:
            return False
        kept, snapshot = found
        if kept.consented_at != consented_at:
            return None


def _revocable(user: UserId, request: ShredRequest, kept: SealedTokens) -> PendingRevocation | None:
    """None for tokens that nobody can read: nothing that is wrong with keys or tokens keeps them from their end."""
    try:
        tokens = sealing.opened(user, request.account_id, kept.sealed)
        return revoking.pending(user, request.account_id, kept.provider, tokens.refresh, request.purpose)
    except (Problem, GoogleAPIError, NoKeyset) as error:
        telemetry.warning("not revocable", exception=type(error).__name__, reason=str(error))
        return None


def _revoke(user: UserId, account_id: str, kept: SealedTokens | PendingRevocation, providers: Providers) -> bool:
    """Whether the provider confirmed, at the last opportunity."""
    try:
        if isinstance(kept, PendingRevocation):
            refresh_token = revoking.opened(user, account_id, kept)
        else:
            refresh_token = sealing.opened(user, account_id, kept.sealed).refresh
        return revoking.is_revoked(kept.provider, refresh_token, providers)
    except (Problem, GoogleAPIError, NoKeyset) as error:
        telemetry.warning("not revoked at the provider", exception=type(error).__name__, reason=str(error))
        return False
