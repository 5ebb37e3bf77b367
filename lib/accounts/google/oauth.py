"""Google's OAuth 2.0 for web servers (https://developers.google.com/identity/protocols/oauth2/web-server)."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from lib.accounts import token_endpoint
from lib.accounts.errors import CodeRefused, ProviderBusy
from lib.accounts.google.settings import GoogleTokenSettings
from lib.accounts.ports import Grant, GrantEnded, Owner
from lib.accounts.token_endpoint import TokenAnswer
from lib.core import secrets, telemetry
from lib.core.settings import load

CLIENT_SECRET = "google-oauth-client-secret"
GOOGLE = "Google's token endpoint"


class _Answer(TokenAnswer):
    """Google tells how many seconds a refresh token has yet where its time is limited in advance.

    https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
    """

    refresh_token_expires_in: int | None = Field(default=None, gt=0)


class GoogleOAuth:
    """The adapter for Google."""

    def exchange(self, code: str, code_verifier: str, redirect_url: str, asked: frozenset[str]) -> tuple[Grant, Owner]:
        """Turn a code into tokens. Google always names what it granted. Raises `CodeRefused`, `ProviderBusy`."""
        status, answer = self._ask(
            grant_type="authorization_code", code=code, code_verifier=code_verifier, redirect_uri=redirect_url
        )
        if status != 200:
            raise CodeRefused(str(answer.get("error_description") or answer.get("error")))
        tokens = token_endpoint.tokens(GOOGLE, answer, _Answer)
        if not tokens.refresh_token:
            raise CodeRefused("Google gave no refresh token")
        return _grant(tokens), _owner(tokens)

    def refresh(self, refresh_token: str, scopes: frozenset[str]) -> Grant:
        """A new access token for all that was granted; Google keeps the refresh token.

        Raises `GrantEnded`, `ProviderBusy`.
        """
        status, answer = self._ask(grant_type="refresh_token", refresh_token=refresh_token)
        if status == 200:
            return _grant(token_endpoint.tokens(GOOGLE, answer, _Answer))
        if answer.get("error") == "invalid_grant":
            raise GrantEnded(str(answer.get("error_description") or "invalid_grant"))
        raise ProviderBusy(f"{GOOGLE} answered {answer.get('error', status)}")

    def revoke(self, refresh_token: str) -> bool:
        """End the grant (RFC 7009); False if Google knew it no more. Raises `ProviderBusy`."""
        url = load(GoogleTokenSettings).google_revoke_url
        response = token_endpoint.send("Google's revocation endpoint", "POST", url, data={"token": refresh_token})
        if response.status_code == 200:
            return True
        if response.status_code == 400:
            return False
        raise ProviderBusy(f"Google's revocation endpoint answered {response.status_code}")

    def _ask(self, **form: str) -> tuple[int, dict[str, Any]]:
        settings = load(GoogleTokenSettings)
        credentials = {
            "client_id": settings.google_oauth_client_id,
            "client_secret": secrets.read(CLIENT_SECRET).reveal(),
        }
        response = token_endpoint.send(GOOGLE, "POST", settings.google_token_url, data=form | credentials)
        answer = token_endpoint.document(GOOGLE, response)
        if answer.get("error") in ("invalid_client", "unauthorized_client"):
            telemetry.error("our OAuth client is not accepted", provider="google")
            raise ProviderBusy("Google does not accept this application's credentials")
        return response.status_code, answer


def _grant(tokens: _Answer) -> Grant:
    seconds = tokens.refresh_token_expires_in
    return Grant(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        lifetime=tokens.lifetime,
        scopes=frozenset(tokens.scope.split()),
        lasts_unused=load(GoogleTokenSettings).google_grant_lasts_unused,
        lasts=timedelta(seconds=seconds) if seconds is not None else None,
    )


def _owner(tokens: TokenAnswer) -> Owner:
    """Raises `CodeRefused`."""
    settings = load(GoogleTokenSettings)
    claims = token_endpoint.claims("Google", tokens.id_token, settings.google_oauth_client_id)
    try:
        owner = Owner(issuer=claims["iss"], subject=str(claims["sub"]), email=claims["email"])
    except KeyError:
        raise CodeRefused("Google's ID token does not say whose it is") from None
    if owner.issuer != settings.google_issuer:
        raise CodeRefused("Google's ID token has another issuer")
    return owner
