"""What is the same with every provider's token endpoint (RFC 6749, section 5): how it is asked, what it may answer."""

from datetime import timedelta
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import jwt
import requests
from pydantic import BaseModel, Field, ValidationError

from lib.accounts.errors import CodeRefused, ProviderBusy
from lib.core import clock, deadline

LONGEST_CALL = timedelta(seconds=10)
MOST_SECONDS = 24 * 60 * 60


class TokenAnswer(BaseModel):
    """A successful answer, of a provider that always says how long the token lasts."""

    access_token: str = Field(min_length=1, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    id_token: str | None = Field(default=None, repr=False)
    expires_in: int = Field(gt=0, le=MOST_SECONDS)
    scope: str = ""

    @property
    def lifetime(self) -> timedelta:
        """How long the access token lasts."""
        return timedelta(seconds=self.expires_in)


def send(provider: str, method: str, url: str, **request: Any) -> requests.Response:
    """What the provider answered. Raises `ProviderBusy` if nothing, or that it is ill.

    What is left of the current deadline is how long it may take to connect, and how long from one byte to the next
    (https://requests.readthedocs.io/en/latest/user/advanced/#timeouts): an answer that trickles may outlast it.
    """
    try:
        response = _session().request(
            method, url, timeout=deadline.current().seconds(LONGEST_CALL), allow_redirects=False, **request
        )
    except requests.RequestException as error:
        raise ProviderBusy(f"{provider}: {type(error).__name__}") from None
    if response.status_code >= 500 or response.status_code == 429:
        raise ProviderBusy(f"{provider} answered {response.status_code}")
    return response


def document(provider: str, response: requests.Response) -> dict[str, Any]:
    """The object that was answered. Raises `ProviderBusy` where there is none."""
    try:
        answer: Any = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ProviderBusy(f"{provider} answered no object")
    return answer


def tokens(provider: str, answer: dict[str, Any], form: type[TokenAnswer] = TokenAnswer) -> TokenAnswer:
    """Raises `ProviderBusy` for an answer without a token: nothing is wrong with the credentials."""
    try:
        return form.model_validate(answer)
    except ValidationError:
        raise ProviderBusy(f"{provider} answered without a token") from None


def claims(provider: str, id_token: str | None, audience: str) -> dict[str, Any]:
    """From an ID token that came straight from the provider over TLS: no signature has to be checked.

    OpenID Connect Core 1.0, section 3.1.3.7, point 6. Audience and expiry are; the issuer is the adapter's to check.
    Raises `CodeRefused`.
    """
    try:
        read: dict[str, Any] = jwt.decode(id_token or "", options={"verify_signature": False})
        believed = read["aud"] == audience and read["exp"] > clock.timestamp()
    except (jwt.PyJWTError, KeyError, TypeError):
        raise CodeRefused(f"The ID token of {provider} cannot be read") from None
    if not believed:
        raise CodeRefused(f"The ID token of {provider} is not for this application")
    return read


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=32))
    # Everybody's calls share the connections, but nobody is to be recognised by another's cookies.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session
