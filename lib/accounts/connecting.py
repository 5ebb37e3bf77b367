"""Connecting an account: authorization code with PKCE, a state that is used once and bound to person and session.

RFC 6749, section 4.1; RFC 7636 (S256); RFC 9207 (`iss`); RFC 9700 for the rest.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from urllib.parse import urlencode

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
from lib.accounts.providers import AuthorizeSettings, requested_scopes
from lib.accounts.store import PendingConnection
from lib.core import clock, siblings
from lib.core.errors import Conflict, InvalidRequest, NotFound, PersonDeleted
from lib.core.identity import Identity
from lib.core.settings import load
from lib.core.store import UserId

STATE_LASTS = timedelta(minutes=10)
GOOGLE_ISSUERS = ("https://accounts.google.com",)


def start(identity: Identity, request: ConnectionStart) -> ConnectionStarted:
    """Where to send the person. Raises `InvalidRequest` for a redirect that is not allowed."""
    settings = load(AuthorizeSettings)
    if request.redirect_url not in settings.oauth_redirect_urls:
        raise InvalidRequest("redirect_url is not one of the allowed")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    pending = PendingConnection(
        provider=request.provider,
        session=identity.session or "",
        code_verifier=verifier,
        redirect_url=request.redirect_url,
        expires_at=clock.now() + STATE_LASTS,
    )
    store.remember_connection(identity.person, state, pending)
    parameters = {
        "client_id": settings.google_oauth_client_id,
        "redirect_uri": request.redirect_url,
        "response_type": "code",
        "scope": " ".join(requested_scopes(request.provider)),
        "state": state,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        # Google hands out a refresh token on the first consent only, unless it is asked like this.
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
    }
    if request.login_hint:
        parameters["login_hint"] = request.login_hint
    return ConnectionStarted(
        authorize_url=f"{settings.google_authorize_url}?{urlencode(parameters)}",
        state=state,
        expires_at=pending.expires_at,
    )


def finish(identity: Identity, request: ConnectionFinish) -> Account:
    """The connected account. Connecting it again keeps its id.

    Raises `StateInvalid`, `InvalidRequest` for a code that the provider does not take, and what the vault raises.
    """
    pending = store.take_connection(identity.person, request.state)
    if pending is None or pending.expires_at <= clock.now() or pending.session != identity.session:
        raise StateInvalid()
    if request.iss is not None and request.iss not in GOOGLE_ISSUERS:
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


def _account(provider: Provider, exchanged: ExchangedAccount) -> Account:
    return Account(
        id=exchanged.account_id,
        provider=provider,
        email=exchanged.email,
        scopes=sorted(exchanged.scopes),
        connected_at=exchanged.consented_at,
        consented_at=exchanged.consented_at,
    )


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
