"""The vault's door: tokens are taken in sealed, handed out as access tokens, refreshed once for all, and shredded.

A refresh is made by whoever holds the lease on the document of the tokens. The lease is taken by compare-and-set and
raises the generation; the result is written by compare-and-set too, so that a holder whose lease ran out cannot
overwrite what another one stored.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from lib.accounts import store as account_store
from lib.accounts.errors import ProviderBusy
from lib.accounts.google.oauth import GoogleOAuth
from lib.accounts.models import (
    AccessToken,
    ExchangedAccount,
    ExchangeRequest,
    HandOutRequest,
    Health,
    Provider,
    Shredded,
    ShredRequest,
)
from lib.accounts.ports import Grant, GrantEnded, OAuth
from lib.accounts.vault import keysets, store
from lib.accounts.vault.store import SealedTokens
from lib.core import clock, deadline, ids, telemetry
from lib.core.errors import Forbidden, NotFound, ReconnectRequired
from lib.core.identity import Identity
from lib.core.store import Snapshot, UserId

FRESH_FOR = timedelta(minutes=5)
LEASE = timedelta(seconds=20)
LONGEST_WAIT = timedelta(seconds=25)
POLL_SECONDS = 0.05
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)

_PROVIDERS: dict[Provider, OAuth] = {Provider.GOOGLE: GoogleOAuth()}


@dataclass(frozen=True)
class _Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


def exchange(identity: Identity, request: ExchangeRequest) -> ExchangedAccount:
    """Turn a code into tokens and keep them. Connecting the same account again yields the same id.

    Raises `CodeRefused`, `ProviderBusy`.
    """
    grant, owner = _PROVIDERS[request.provider].exchange(request.code, request.code_verifier, request.redirect_url)
    account_id = ids.stable("acc", identity.person, owner.issuer, owner.subject)
    sealed = _seal(identity.person, account_id, _Tokens(grant.access_token, grant.refresh_token or ""))
    tokens = SealedTokens(
        provider=request.provider,
        sealed=sealed,
        scopes=sorted(grant.scopes),
        expires_at=clock.now() + grant.lifetime,
    )
    store.replace(identity.person, account_id, tokens)
    store.audit(identity.person, "exchange", identity.caller, "connect", account_id, "kept")
    return ExchangedAccount(account_id=account_id, email=owner.email, scopes=tokens.scopes)


def hand_out(identity: Identity, request: HandOutRequest) -> AccessToken:
    """An access token for a purpose. Every hand-out and every refusal is written down before it happens.

    Raises `NotFound`, `Forbidden` for a scope that was not granted, `ReconnectRequired`, `ProviderBusy`.
    """
    try:
        token = _fresh(identity.person, request)
    except Exception as error:
        outcome = f"refused: {type(error).__name__}"
        store.audit(identity.person, "hand-out", identity.caller, request.purpose, request.account_id, outcome)
        raise
    store.audit(identity.person, "hand-out", identity.caller, request.purpose, request.account_id, "handed out")
    return token


def shred(identity: Identity, request: ShredRequest) -> Shredded:
    """Revoke the account's tokens at the provider and forget them, whether or not the provider answers."""
    found = store.read(identity.person, request.account_id)
    if found is None:
        return Shredded(revoked_at_provider=False)
    try:
        tokens = _open(identity.person, request.account_id, found[0])
        revoked = _PROVIDERS[found[0].provider].revoke(tokens.refresh)
    except ProviderBusy as error:
        telemetry.warning("not revoked at the provider", reason=str(error))
        revoked = False
    store.forget(identity.person, request.account_id)
    outcome = "revoked" if revoked else "forgotten, not revoked"
    store.audit(identity.person, "shred", identity.caller, request.purpose, request.account_id, outcome)
    return Shredded(revoked_at_provider=revoked)


def _fresh(user: UserId, request: HandOutRequest) -> AccessToken:
    """The stored token while it is good, else a new one, got by us or by whoever was first."""
    with _one_at_a_time(f"{user}/{request.account_id}"), deadline.within(LONGEST_WAIT) as limit:
        while True:
            kept, snapshot = _usable(user, request)
            tokens = _open(user, request.account_id, kept)
            if kept.expires_at - FRESH_FOR > clock.now() and not _is_refused(tokens, request):
                return AccessToken(token=tokens.access, expires_at=kept.expires_at)
            leased = _lease(user, request.account_id, kept, snapshot)
            if leased is None:
                limit.seconds(LONGEST_WAIT)
                time.sleep(POLL_SECONDS)
                continue
            _refresh(user, request.account_id, tokens, leased)


def _usable(user: UserId, request: HandOutRequest) -> tuple[SealedTokens, Snapshot]:
    found = store.read(user, request.account_id)
    if found is None:
        raise NotFound("There is no such account")
    kept = found[0]
    if kept.ended_because is not None:
        raise ReconnectRequired(kept.ended_because, account_id=request.account_id)
    missing = sorted(set(request.scopes) - set(kept.scopes))
    if missing:
        raise Forbidden(f"Not granted: {', '.join(missing)}", missing_scopes=missing)
    return found


def _lease(user: UserId, account_id: str, kept: SealedTokens, snapshot: Snapshot) -> Snapshot | None:
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


def _refresh(user: UserId, account_id: str, tokens: _Tokens, leased: Snapshot) -> None:
    """Refresh under the lease and store the outcome, unless somebody else has stored something since."""
    provider = Provider(leased.get("provider"))
    try:
        grant = _PROVIDERS[provider].refresh(tokens.refresh)
    except GrantEnded as error:
        if store.change(leased, lease_until=None, ended_because=str(error)):
            account_store.set_health(user, account_id, Health.NEEDS_RECONNECT, str(error))
        return
    except ProviderBusy:
        failures = int(leased.get("failures")) + 1
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
        store.change(leased, lease_until=None, failures=failures, paused_until=clock.now() + pause)
        raise
    renewed = _Tokens(grant.access_token, grant.refresh_token or tokens.refresh)
    store.change(
        leased,
        sealed=_seal(user, account_id, renewed),
        scopes=_scopes(grant, leased),
        expires_at=clock.now() + grant.lifetime,
        lease_until=None,
        paused_until=None,
        failures=0,
    )


def _scopes(grant: Grant, leased: Snapshot) -> list[str]:
    """What the new token allows; an answer that names none means that nothing changed (RFC 6749, section 5.1)."""
    return sorted(grant.scopes) if grant.scopes else list(leased.get("scopes"))


def _seal(user: UserId, account_id: str, tokens: _Tokens) -> bytes:
    text = json.dumps({"access": tokens.access, "refresh": tokens.refresh}).encode()
    return keysets.of_or_new(user).seal(text, store.association(user, account_id))


def _open(user: UserId, account_id: str, kept: SealedTokens) -> _Tokens:
    keyset = keysets.of(user)
    if keyset is None:
        raise NotFound("There is no such account")
    stored = json.loads(keyset.open(kept.sealed, store.association(user, account_id)))
    return _Tokens(stored["access"], stored["refresh"])


def _is_refused(tokens: _Tokens, request: HandOutRequest) -> bool:
    """Whether the caller was refused with just this token."""
    return request.refused_token_hash == hashlib.sha256(tokens.access.encode()).hexdigest()


_locks: dict[str, tuple[Lock, int]] = {}
_locks_lock = Lock()


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Within this process only one thread asks; the others then find what it brought."""
    with _locks_lock:
        lock, waiting = _locks.get(name, (Lock(), 0))
        _locks[name] = (lock, waiting + 1)
    try:
        with lock:
            yield
    finally:
        with _locks_lock:
            lock, waiting = _locks[name]
            if waiting == 1:
                del _locks[name]
            else:
                _locks[name] = (lock, waiting - 1)
