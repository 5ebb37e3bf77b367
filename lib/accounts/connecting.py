"""Connecting an account: authorization code with PKCE, a state that is used once and bound to person and session.

RFC 6749, section 4.1; RFC 7636 (S256); RFC 9207 (`iss`); RFC 9700 for the rest.
"""

import secrets
from datetime import timedelta

from lib.accounts import capabilities, store
from lib.accounts.errors import CodeRefused, OtherAccount, ProviderBusy, StateInvalid
from lib.accounts.models import (
    Account,
    ConnectionFinish,
    ConnectionStart,
    ConnectionStarted,
    ExchangedAccount,
    ExchangeRequest,
    Provider,
    Shredded,
    ShredRequest,
)
from lib.accounts.ports import ConsentRequest
from lib.accounts.providers import CONSENTS, RedirectSettings
from lib.accounts.store import PendingConnection
from lib.core import clock, siblings
from lib.core.errors import Conflict, InvalidRequest, NotFound, PersonDeleted
from lib.core.identity import Identity
from lib.core.settings import load
from lib.core.store import UserId

STATE_LASTS = timedelta(minutes=10)


def start(identity: Identity, request: ConnectionStart) -> ConnectionStarted:
    """Where to send the person. Raises `InvalidRequest` for a redirect that is not allowed.

    Raises `NotFound` for an account that is to be changed and is not the person's, or not at this provider.
    """
    _check_redirect(request)
    account = _named(identity.person, request)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    asked = ConsentRequest(
        redirect_url=request.redirect_url,
        state=state,
        code_verifier=verifier,
        scopes=_asked(request, account),
        login_hint=account.email if account else request.login_hint,
    )
    pending = PendingConnection(
        provider=request.provider,
        session=identity.session or "",
        code_verifier=verifier,
        redirect_url=request.redirect_url,
        expires_at=clock.now() + STATE_LASTS,
        scopes=list(asked.scopes),
        account_id=request.account_id,
    )
    store.remember_connection(identity.person, state, pending)
    return ConnectionStarted(
        authorize_url=CONSENTS[request.provider].url(asked), state=state, expires_at=pending.expires_at
    )


def finish(identity: Identity, request: ConnectionFinish) -> Account:
    """The connected account. Connecting it again keeps its id.

    Raises `StateInvalid`, `InvalidRequest` for a code that the provider does not take, `OtherAccount` where the person
    chose another than the one that was to be changed, and what the vault raises.
    """
    pending = store.take_connection(identity.person, request.state)
    if pending is None or pending.expires_at <= clock.now() or pending.session != identity.session:
        raise StateInvalid()
    if request.provider not in (None, pending.provider):
        raise StateInvalid("The answer came to the redirect of another provider")
    if request.iss is not None and not CONSENTS[pending.provider].is_issuer(request.iss):
        raise StateInvalid("The answer came from another issuer")
    exchange = ExchangeRequest(
        provider=pending.provider,
        code=request.code,
        code_verifier=pending.code_verifier,
        redirect_url=pending.redirect_url,
        scopes=pending.scopes,
        account_id=pending.account_id,
    )
    refusals = (CodeRefused, OtherAccount, ProviderBusy, PersonDeleted)
    exchanged = siblings.post("tokens", "/exchanges", identity.person, exchange, ExchangedAccount, raises=refusals)
    return store.save_connected(identity.person, _account(pending.provider, exchanged))


def read(person: UserId, account_id: str) -> Account:
    """The person's account. Raises `NotFound`."""
    account = store.account(person, account_id)
    if account is None:
        raise NotFound("There is no such account")
    return account


def disconnect(person: UserId, account_id: str) -> Shredded:
    """Forget the tokens and the account, and revoke at the provider: later, if that does not answer now.

    Raises `NotFound`, `Unavailable`, and `Conflict` when the person has connected it again in the meantime.
    """
    account = read(person, account_id)
    request = ShredRequest(account_id=account.id, purpose="disconnect")
    shredded = siblings.post("tokens", "/shreddings", person, request, Shredded, raises=(Conflict,))
    if not store.forget(person, account):
        raise Conflict("The account was connected again in the meantime")
    return shredded


def _check_redirect(request: ConnectionStart) -> None:
    """Each provider has a redirect of its own, so that no answer can pass for another's (RFC 9700, section 4.4.2)."""
    if request.redirect_url not in load(RedirectSettings).oauth_redirect_urls:
        raise InvalidRequest("redirect_url is not one of the allowed")
    if request.redirect_url.rpartition("/")[2] != request.provider:
        raise InvalidRequest("redirect_url is for another provider")


def _named(person: UserId, request: ConnectionStart) -> Account | None:
    """The account that is to be changed, if one is named. Raises `NotFound`."""
    if request.account_id is None:
        return None
    account = read(person, request.account_id)
    if account.provider is not request.provider:
        raise NotFound("There is no such account at this provider")
    return account


def _asked(request: ConnectionStart, account: Account | None) -> tuple[str, ...]:
    """The scopes to ask for: of what is wanted, of what the account allows already, or of what is usual."""
    usual = (account.capabilities if account else ()) or capabilities.USUAL
    granted = account.scopes if account else ()
    return capabilities.asked(request.provider, request.capabilities or usual, granted)


def _account(provider: Provider, exchanged: ExchangedAccount) -> Account:
    return Account(
        id=exchanged.account_id,
        provider=provider,
        email=exchanged.email,
        scopes=sorted(exchanged.scopes),
        grant_ends_at=exchanged.grant_ends_at,
        connected_at=exchanged.consented_at,
        consented_at=exchanged.consented_at,
    )
