"""The vault's door: tokens are taken in sealed, and handed out as access tokens to those who may have them."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

from lib.accounts.errors import ConsentRequired, OtherAccount, ProviderBusy
from lib.accounts.models import AccessToken, ExchangedAccount, ExchangeRequest, HandOutRequest
from lib.accounts.vault import allowance, refreshing, revoking, sealing, shredding, store
from lib.accounts.vault.adapters import PROVIDERS, Providers
from lib.accounts.vault.sealing import Tokens
from lib.accounts.vault.store import SealedTokens
from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, deadline, ids
from lib.core.errors import NotFound, PersonDeleted, ReconnectRequired
from lib.core.identity import Identity
from lib.core.store import Snapshot
from lib.usage import deletion
from lib.users.models import ErasureRequest

FRESH_FOR = timedelta(minutes=5)
LONGEST_WAIT = timedelta(seconds=25)
POLL_SECONDS = 0.05
NOTED_EVERY = timedelta(hours=1)
"""How often it is written down that an account is in use."""
LATEST = datetime.max.replace(tzinfo=UTC)


def exchange(identity: Identity, request: ExchangeRequest, providers: Providers = PROVIDERS) -> ExchangedAccount:
    """Turn a code into tokens and keep them. Connecting the same account again yields the same id.

    The attempt and its outcome are written down. Raises `CodeRefused`, `OtherAccount`, `ProviderBusy`, `PersonDeleted`.
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

    Raises `NotFound`, `Forbidden` for a caller or a scope that the catalogue does not allow, `ConsentRequired` for one
    that was not granted, `ReconnectRequired`, `ProviderBusy`, `PersonDeleted`.
    """

    def record(outcome: str) -> None:
        purpose, account_id = request.purpose, request.account_id
        recording.record(identity.person, Action.HAND_OUT, identity.caller, purpose, outcome, account_id=account_id)

    try:
        deletion.refuse(identity.person)
        token = _fresh(identity, request, providers)
    except Exception as error:
        record(f"refused: {type(error).__name__}")
        raise
    record("handed out")
    return token


def _exchanged(identity: Identity, request: ExchangeRequest, providers: Providers) -> ExchangedAccount:
    user = identity.person
    deletion.refuse(user)
    revoking.hold_back(user, request.provider)
    grant, owner = providers[request.provider].exchange(
        request.code, request.code_verifier, request.redirect_url, frozenset(request.scopes)
    )
    account_id = ids.stable("acc", user, owner.issuer, owner.subject)
    if request.account_id not in (None, account_id):
        # Revoking what was granted would end whatever else was granted with that account.
        raise OtherAccount("Nothing was connected: begin again, and choose the account that was to be changed")
    now = clock.now()
    tokens = SealedTokens(
        provider=request.provider,
        sealed=b"",
        scopes=sorted(grant.scopes),
        expires_at=now + grant.lifetime,
        consented_at=now,
        lapses_at=now + grant.lasts_unused,
        ends_at=now + grant.lasts if grant.lasts is not None else None,
    )
    tokens = tokens.model_copy(update={"due_at": refreshing.next_due(tokens)})
    sealing.seal(
        user,
        account_id,
        Tokens(grant.access_token, grant.refresh_token or ""),
        lambda sealed: store.replace(user, account_id, tokens.model_copy(update={"sealed": sealed})),
    )
    revoking.call_off(identity, account_id)
    # A deletion that came in between left its mark before it erased, so that one of the two sees the other.
    if deletion.is_deleted(user):
        shredding.erase(identity, ErasureRequest(purpose="deleted while connecting"), providers)
        raise PersonDeleted()
    return ExchangedAccount(
        account_id=account_id,
        email=owner.email,
        scopes=tokens.scopes,
        consented_at=tokens.consented_at,
        grant_ends_at=refreshing.granted_until(tokens),
    )


def _fresh(identity: Identity, request: HandOutRequest, providers: Providers) -> AccessToken:
    """The stored token while it is good, else a new one, got by us or by whoever was first.

    While the new one cannot be had, or somebody else is getting it, the stored one serves until it expires.
    """
    user = identity.person
    with deadline.within(LONGEST_WAIT) as limit, ExitStack() as turn:
        has_turn = False
        while True:
            kept, snapshot = _usable(identity, request)
            tokens = sealing.opened(user, request.account_id, kept.sealed)
            stored = AccessToken(token=tokens.access, expires_at=kept.expires_at)
            if _lasts(stored, FRESH_FOR, request):
                _note_use(kept, snapshot)
                return stored
            if not has_turn and not _lasts(stored, timedelta(0), request):
                turn.enter_context(_one_at_a_time(f"{user}/{request.account_id}"))
                has_turn = True
                continue
            try:
                leased = refreshing.lease(user, request.account_id, kept, snapshot)
                if leased is not None:
                    refreshing.refresh(identity, request.account_id, tokens, leased, providers, purpose=request.purpose)
                    continue
            except ProviderBusy:
                if _lasts(stored, timedelta(0), request):
                    return stored
                raise
            if _lasts(stored, timedelta(0), request):
                return stored
            limit.seconds(LONGEST_WAIT)
            time.sleep(POLL_SECONDS)


def _usable(identity: Identity, request: HandOutRequest) -> tuple[SealedTokens, Snapshot]:
    """The tokens that the caller may be handed. What has ended, or was taken back, shows in the account.

    That is said each time, since whoever learned of it may have died before the account showed it.
    """
    user, account_id = identity.person, request.account_id
    found = store.read(user, account_id)
    if found is None:
        raise NotFound("There is no such account")
    kept = found[0]
    asked_for = allowance.check_caller(identity.caller, kept.provider, request.scopes)
    if kept.ended_because is not None:
        refreshing.show(user, account_id, kept)
        raise ReconnectRequired(kept.ended_because, account_id=account_id)
    try:
        allowance.check_scopes(kept.provider, account_id, asked_for, request.scopes, kept.scopes)
    except ConsentRequired:
        refreshing.show(user, account_id, kept)
        raise
    return found


def _note_use(kept: SealedTokens, snapshot: Snapshot) -> None:
    """Write down that the account is in use, now and then: its tokens are then kept fresh.

    Not while somebody is refreshing, whose result is only stored if nobody has written since; and if somebody was
    faster than us, the next hand-out notes it.
    """
    now = clock.now()
    is_leased = kept.lease_until is not None and kept.lease_until > now
    is_noted = kept.last_handed_out_at is not None and now - kept.last_handed_out_at < NOTED_EVERY
    if is_leased or is_noted:
        return
    used = kept.model_copy(update={"last_handed_out_at": now})
    due_at = min(refreshing.next_due(used), kept.due_at or LATEST)
    store.change(snapshot, last_handed_out_at=now, due_at=due_at)


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
