"""The vault's door: tokens are taken in sealed, handed out as access tokens, and refreshed once for all.

A refresh is made by whoever holds the lease on the document of the tokens. The lease is taken by compare-and-set and
raises the generation; the result is written by compare-and-set too, so that a holder whose lease ran out cannot
overwrite what another one stored.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Lock

from lib.accounts import store as account_store
from lib.accounts.errors import ProviderBusy
from lib.accounts.models import AccessToken, ExchangedAccount, ExchangeRequest, HandOutRequest, Health, Provider
from lib.accounts.ports import Grant, GrantEnded
from lib.accounts.vault import sealing, shredding, store
from lib.accounts.vault.adapters import PROVIDERS, Providers
from lib.accounts.vault.sealing import Tokens
from lib.accounts.vault.store import SealedTokens
from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, deadline, ids
from lib.core.errors import Forbidden, NotFound, PersonDeleted, ReconnectRequired
from lib.core.identity import Identity
from lib.core.store import Snapshot, UserId
from lib.usage import deletion
from lib.users.models import ErasureRequest

FRESH_FOR = timedelta(minutes=5)
LEASE = timedelta(seconds=20)
LONGEST_WAIT = timedelta(seconds=25)
POLL_SECONDS = 0.05
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)


def exchange(identity: Identity, request: ExchangeRequest, providers: Providers = PROVIDERS) -> ExchangedAccount:
    """Turn a code into tokens and keep them. Connecting the same account again yields the same id.

    The attempt and its outcome are written down. Raises `CodeRefused`, `ProviderBusy`, `PersonDeleted`.
    """

    def record(account_id: str, outcome: str) -> None:
        recording.record(identity.person, Action.EXCHANGE, identity.caller, "connect", outcome, account_id=account_id)

    record("", "begun")
    try:
        exchanged = _exchanged(identity, request, providers)
    except Exception as error:
        record("", f"failed: {type(error).__name__}")
        raise
    record(exchanged.account_id, "kept")
    return exchanged


def hand_out(identity: Identity, request: HandOutRequest, providers: Providers = PROVIDERS) -> AccessToken:
    """An access token for a purpose. Every hand-out and every refusal is written down before it happens.

    So is, when it has happened, that the provider refused to refresh or could not.

    Raises `NotFound`, `Forbidden` for a scope that was not granted, `ReconnectRequired`, `ProviderBusy`,
    `PersonDeleted`.
    """

    def record(action: Action, outcome: str) -> None:
        purpose, account_id = request.purpose, request.account_id
        recording.record(identity.person, action, identity.caller, purpose, outcome, account_id=account_id)

    def refresh_failed(error: Exception) -> None:
        record(Action.REFRESH, f"failed: {type(error).__name__}")

    try:
        deletion.refuse(identity.person)
        token = _fresh(identity.person, request, providers, refresh_failed)
    except Exception as error:
        record(Action.HAND_OUT, f"refused: {type(error).__name__}")
        raise
    record(Action.HAND_OUT, "handed out")
    return token


def _exchanged(identity: Identity, request: ExchangeRequest, providers: Providers) -> ExchangedAccount:
    user = identity.person
    deletion.refuse(user)
    grant, owner = providers[request.provider].exchange(request.code, request.code_verifier, request.redirect_url)
    account_id = ids.stable("acc", user, owner.issuer, owner.subject)
    tokens = SealedTokens(
        provider=request.provider,
        sealed=b"",
        scopes=sorted(grant.scopes),
        expires_at=clock.now() + grant.lifetime,
        consented_at=clock.now(),
    )
    sealing.seal(
        user,
        account_id,
        Tokens(grant.access_token, grant.refresh_token or ""),
        lambda sealed: store.replace(user, account_id, tokens.model_copy(update={"sealed": sealed})),
    )
    # A deletion that came in between left its mark before it erased, so that one of the two sees the other.
    if deletion.is_deleted(user):
        shredding.erase(identity, ErasureRequest(purpose="deleted while connecting"), providers)
        raise PersonDeleted()
    return ExchangedAccount(
        account_id=account_id, email=owner.email, scopes=tokens.scopes, consented_at=tokens.consented_at
    )


def _fresh(
    user: UserId, request: HandOutRequest, providers: Providers, refresh_failed: Callable[[Exception], None]
) -> AccessToken:
    """The stored token while it is good, else a new one, got by us or by whoever was first.

    While the new one cannot be had, or somebody else is getting it, the stored one serves until it expires.
    """
    with deadline.within(LONGEST_WAIT) as limit, ExitStack() as turn:
        has_turn = False
        while True:
            kept, snapshot = _usable(user, request)
            tokens = sealing.opened(user, request.account_id, kept.sealed)
            stored = AccessToken(token=tokens.access, expires_at=kept.expires_at)
            if _lasts(stored, FRESH_FOR, request):
                return stored
            if not has_turn and not _lasts(stored, timedelta(0), request):
                turn.enter_context(_one_at_a_time(f"{user}/{request.account_id}"))
                has_turn = True
                continue
            try:
                leased = _lease(user, request.account_id, kept, snapshot)
                if leased is not None:
                    _refresh(user, request.account_id, tokens, leased, providers, refresh_failed)
                    continue
            except ProviderBusy:
                if _lasts(stored, timedelta(0), request):
                    return stored
                raise
            if _lasts(stored, timedelta(0), request):
                return stored
            limit.seconds(LONGEST_WAIT)
            time.sleep(POLL_SECONDS)


def _usable(user: UserId, request: HandOutRequest) -> tuple[SealedTokens, Snapshot]:
    found = store.read(user, request.account_id)
    if found is None:
        raise NotFound("There is no such account")
    kept = found[0]
    if kept.ended_because is not None:
        # Said each time, since whoever learned of the end may have died before the account showed it.
        account_store.set_health(
            user, request.account_id, kept.consented_at, Health.NEEDS_RECONNECT, kept.ended_because
        )
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


def _refresh(
    user: UserId,
    account_id: str,
    tokens: Tokens,
    leased: Snapshot,
    providers: Providers,
    refresh_failed: Callable[[Exception], None],
) -> None:
    """Refresh under the lease and store the outcome, unless somebody else has stored something since."""
    try:
        provider = providers[Provider(leased.get("provider"))]
        grant = provider.refresh(tokens.refresh, frozenset(leased.get("scopes")))
    except GrantEnded as error:
        store.change(leased, lease_until=None, ended_because=str(error))
        refresh_failed(error)
        return
    except ProviderBusy as error:
        failures = int(leased.get("failures")) + 1
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
        store.change(leased, lease_until=None, failures=failures, paused_until=clock.now() + pause)
        refresh_failed(error)
        raise
    changes = {
        "scopes": _scopes(grant, leased),
        "expires_at": clock.now() + grant.lifetime,
        "lease_until": None,
        "paused_until": None,
        "failures": 0,
    }
    renewed = Tokens(grant.access_token, grant.refresh_token or tokens.refresh)
    sealing.reseal(user, account_id, renewed, lambda sealed: store.change(leased, sealed=sealed, **changes))


def _scopes(grant: Grant, leased: Snapshot) -> list[str]:
    """What the new token allows; an answer that names none means that nothing changed (RFC 6749, section 5.1)."""
    return sorted(grant.scopes) if grant.scopes else list(leased.get("scopes"))


def _lasts(token: AccessToken, longer: timedelta, request: HandOutRequest) -> bool:
    """Whether the token lasts for longer than this, and is not the one that the caller was refused with."""
    hashed = hashlib.sha256(token.token.encode()).hexdigest()
    is_refused = hmac.compare_digest(request.refused_token_hash or "", hashed)
    return token.expires_at - longer > clock.now() and not is_refused


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
