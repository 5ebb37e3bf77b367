"""Google's OAuth 2.0 for web servers (https://developers.google.com/identity/protocols/oauth2/web-server)."""

from datetime import timedelta
from functools import cache
from typing import Any

import jwt
import requests
from pydantic import BaseModel, Field, ValidationError

from lib.accounts.errors import CodeRefused, ProviderBusy
from lib.accounts.ports import Grant, GrantEnded, Owner
from lib.accounts.providers import TokenSettings
from lib.core import clock, deadline, secrets, telemetry
from lib.core.settings import load

CLIENT_SECRET = "google-oauth-client-secret"
LONGEST_CALL = timedelta(seconds=10)
MOST_SECONDS = 24 * 60 * 60


class GoogleOAuth:
    """The adapter for Google."""

    def exchange(self, code: str, code_verifier: str, redirect_url: str) -> tuple[Grant, Owner]:
        """Turn a code into tokens. Raises `CodeRefused`, `ProviderBusy`."""
        status, answer = self._ask(
            grant_type="authorization_code", code=code, code_verifier=code_verifier, redirect_uri=redirect_url
        )
        if status != 200:
            raise CodeRefused(str(answer.get("error_description") or answer.get("error")))
        if not answer.get("refresh_token"):
            raise CodeRefused("Google gave no refresh token")
        return _grant(answer), _owner(answer)

    def refresh(self, refresh_token: str) -> Grant:
        """A new access token; Google keeps the refresh token. Raises `GrantEnded`, `ProviderBusy`."""
        status, answer = self._ask(grant_type="refresh_token", refresh_token=refresh_token)
        if status == 200:
            return _grant(answer)
        if answer.get("error") == "invalid_grant":
            raise GrantEnded(str(answer.get("error_description") or "invalid_grant"))
        raise ProviderBusy(f"Google's token endpoint answered {answer.get('error', status)}")

    def revoke(self, refresh_token: str) -> bool:
        """End the grant (RFC 7009); False if Google knew it no more. Raises `ProviderBusy`."""
        try:
            response = _session().post(
                load(TokenSettings).google_revoke_url,
                data={"token": refresh_token},
                timeout=deadline.current().seconds(LONGEST_CALL),
            )
        except requests.RequestException as error:
            raise ProviderBusy(type(error).__name__) from None
        if response.status_code == 200:
            return True
        if response.status_code == 400:
            return False
        raise ProviderBusy(f"Google's revocation endpoint answered {response.status_code}")

    def _ask(self, **form: str) -> tuple[int, dict[str, Any]]:
        settings = load(TokenSettings)
        credentials = {
            "client_id": settings.google_oauth_client_id,
            "client_secret": secrets.read(CLIENT_SECRET).reveal(),
        }
        try:
            response = _session().post(
                settings.google_token_url,
                data=form | credentials,
                timeout=deadline.current().seconds(LONGEST_CALL),
            )
            answer: Any = response.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderBusy(f"Google's token endpoint: {type(error).__name__}") from None
        if response.status_code >= 500 or response.status_code == 429:
            raise ProviderBusy(f"Google's token endpoint answered {response.status_code}")
        if not isinstance(answer, dict):
            raise ProviderBusy("Google's token endpoint answered no object")
        if answer.get("error") in ("invalid_client", "unauthorized_client"):
            telemetry.error("our OAuth client is not accepted", provider="google")
            raise ProviderBusy("Google does not accept this application's credentials")
        return response.status_code, answer


class _Granted(BaseModel):
    """A successful answer (RFC 6749, section 5.1); Google always says how long the token lasts."""

    access_token: str = Field(min_length=1)
    refresh_token: str | None = None
    expires_in: int = Field(gt=0, le=MOST_SECONDS)
    scope: str = ""


def _grant(answer: dict[str, Any]) -> Grant:
    """Raises `ProviderBusy` for an answer that is none: nothing is wrong with the credentials."""
    try:
        granted = _Granted.model_validate(answer)
    except ValidationError:
        raise ProviderBusy("Google's token endpoint answered without a token") from None
    return Grant(
        access_token=granted.access_token,
        refresh_token=granted.refresh_token,
        lifetime=timedelta(seconds=granted.expires_in),
        scopes=frozenset(granted.scope.split()),
    )


def _owner(answer: dict[str, Any]) -> Owner:
    """From the ID token, which came straight from Google over TLS: no signature has to be checked.

    OpenID Connect Core 1.0, section 3.1.3.7, point 6. Issuer, audience and expiry are. Raises `CodeRefused`.
    """
    settings = load(TokenSettings)
    try:
        claims = jwt.decode(str(answer["id_token"]), options={"verify_signature": False})
        owner = Owner(issuer=claims["iss"], subject=str(claims["sub"]), email=claims["email"])
        expected = (settings.google_issuer, settings.google_oauth_client_id)
        believed = (claims["iss"], claims["aud"]) == expected and claims["exp"] > clock.timestamp()
    except (jwt.PyJWTError, KeyError, TypeError):
        raise CodeRefused("Google's ID token cannot be read") from None
    if not believed:
        raise CodeRefused("Google's ID token is not for this application")
    return owner


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=32))
    return session
