"""Connecting an account: authorization code with PKCE, a state that is used once and bound to person and session.

RFC 6749, section 4.1; RFC 7636 (S256); RFC 9207 (`iss`); RFC 9700 for the rest.
"""

import secrets
from datetime import timedelta

from lib.accounts import store
from lib.accounts.errors import CodeRefused, ProviderBusy, StateInvalid
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
    """Where to send the person. Raises `InvalidRequest` for a redirect that is not allowed."""
    _check_redirect(request)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    pending = PendingConnection(
        provider=request.provider,
        session=identity.session or "",
        code_verifier=verifier,
        redirect_url=request.redirect_url,
        expires_at=clock.now() + STATE_LASTS,
    )
    store.remember_connection(identity.person, state, pending)
    asked = ConsentRequest(request.redirect_url, state, verifier, request.login_hint)
    return ConnectionStarted(
        authorize_url=CONSENTS[request.provider].url(asked), state=state, expires_at=pending.expires_at
    )


def finish(identity: Identity, request: ConnectionFinish) -> Account:
    """The connected account. Connecting it again keeps its id.

    Raises `StateInvalid`, `InvalidRequest` for a code that the provider does not take, and what the vault raises.
    """
    pending = store.take_connection(identity.person, request.state)
    if pending is None or pending.expires_at <= clock.now() or pending.session != identity.session:
        raise StateInvalid()
    if request.iss is not None and not CONSENTS[pending.provider].is_issuer(request.iss):
        raise StateInvalid("The answer came from another issuer")
    exchange = ExchangeRequest(
        provider=pending.provider,
        code=request.code,
        code_verifier=pending.code_verifier,
        redirect_url=pending.redirect_url,
    )
    refusals = (CodeRefused, ProviderBusy, PersonDeleted)
    exchanged = siblings.post("tokens", "/exchanges", identity.person, exchange, ExchangedAccount, raises=refusals)
    return store.save_connected(identity.person, _account(pending.provider, exchanged))


def read(person: UserId, account_id: str) -> Account:
    """The person's account. Raises `NotFound`."""
    account = store.account(person, account_id)
    if account is None:
        raise NotFound("There is no such account")
    return account


def disconnect(person: UserId, account_id: str) -> Shredded:
    """Revoke at the provider, forget the tokens and the account.

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


def _account(provider: Provider, exchanged: ExchangedAccount) -> Account:
    return Account(
        id=exchanged.account_id,
        provider=provider,
        email=exchanged.email,
        scopes=sorted(exchanged.scopes),
        connected_at=exchanged.consented_at,
        consented_at=exchanged.consented_at,
    )
