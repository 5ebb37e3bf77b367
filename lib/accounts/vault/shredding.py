"""The end of tokens: those of an account that is disconnected, and everything of a person who is deleted."""

from datetime import timedelta

from lib.accounts.models import Shredded, ShredRequest
from lib.accounts.vault import keysets, sealing, store
from lib.accounts.vault.adapters import PROVIDERS, Providers
from lib.accounts.vault.store import SealedTokens
from lib.audit import recording
from lib.audit.models import Action
from lib.core import deadline, ids, telemetry
from lib.core.errors import Conflict, Problem
from lib.core.identity import Identity
from lib.core.store import GoogleAPIError, Snapshot, UserId
from lib.users.models import Erased, ErasureRequest

LONGEST_REVOCATION = timedelta(seconds=10)


def shred(identity: Identity, request: ShredRequest, providers: Providers = PROVIDERS) -> Shredded:
    """Revoke the account's tokens at the provider and forget them, whether or not they can be read and revoked.

    Raises `Conflict` when the person has connected the account again in the meantime; the new tokens stay.
    """
    user, account_id = identity.person, request.account_id
    found = store.read(user, account_id)
    if found is None:
        return Shredded(revoked_at_provider=False)
    kept, snapshot = found

    def record(outcome: str) -> None:
        recording.record(user, Action.SHRED, identity.caller, request.purpose, outcome, account_id=account_id)

    record("begun")
    with deadline.within(LONGEST_REVOCATION):
        revoked = _revoke(user, account_id, kept, providers)
    if not _forget(user, account_id, kept, snapshot):
        record("kept, connected again")
        raise Conflict("The account was connected again in the meantime")
    record("revoked" if revoked else "forgotten, not revoked")
    return Shredded(revoked_at_provider=revoked)


def erase(identity: Identity, request: ErasureRequest, providers: Providers = PROVIDERS) -> Erased:
    """Revoke all of a person's tokens as far as the providers answer, and delete these and the keyset in any case.

    The receipt names the certificate that there will be; done again, it has to be the same.
    """
    user, receipt = identity.person, request.receipt or ids.new("era")
    recording.record(user, Action.ERASE, identity.caller, request.purpose, "begun")
    accounts = store.all_of(user)
    with deadline.within(LONGEST_REVOCATION):
        revoked = sum(_revoke(user, account_id, kept, providers) for account_id, kept in accounts.items())
    store.erase(user, receipt)
    keysets.forget(user)
    outcome = f"erased {len(accounts)}, of which {revoked} revoked"
    recording.record(user, Action.ERASE, identity.caller, request.purpose, outcome)
    return Erased(accounts=len(accounts), revoked_at_provider=revoked, receipt=receipt)


def _revoke(user: UserId, account_id: str, kept: SealedTokens, providers: Providers) -> bool:
    """Whether the provider confirmed. Nothing that is wrong with keys, tokens or provider keeps them from their end."""
    try:
        deadline.current().seconds(LONGEST_REVOCATION)
        tokens = sealing.opened(user, account_id, kept.sealed)
        return providers[kept.provider].revoke(tokens.refresh)
    except (Problem, GoogleAPIError) as error:
        telemetry.warning("not revoked at the provider", exception=type(error).__name__, reason=str(error))
        return False


def _forget(user: UserId, account_id: str, kept: SealedTokens, snapshot: Snapshot) -> bool:
    """Delete the tokens of this consent, even if they were refreshed since; False if there is another consent."""
    while not store.forget(snapshot):
        found = store.read(user, account_id)
        if found is None:
            return True
        if found[0].consented_at != kept.consented_at:
            return False
        snapshot = found[1]
    return True
