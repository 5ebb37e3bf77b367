"""Google's tokens.

Lifetimes: an access token 3,599 s, a refresh token until six months unused or until a hundred newer ones.
Source: https://developers.google.com/identity/protocols/oauth2#expiration
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from scripts.local import clock
from scripts.local.provider import grants

ACCESS_TOKEN_SECONDS = 3599
_UNUSED_LIFETIME = timedelta(days=182)
_REFRESH_TOKENS_PER_ACCOUNT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(grants.Terms):
    """What was agreed to, and whether for the time when the person is away."""

    offline: bool
    with_refresh_token: bool


Code = grants.Code[Terms]


@dataclass(slots=True, kw_only=True)
class RefreshToken(grants.RefreshToken):
    """A refresh token."""

    @property
    def expired(self) -> bool:
        """Whether it has not been used for too long."""
        return clock.now() - (self.last_used or self.issued) >= _UNUSED_LIFETIME


@dataclass(slots=True, kw_only=True)
class AccessToken(grants.AccessToken):
    """A bearer token for the APIs."""

    offline: bool


@dataclass(slots=True)
class Grants(grants.Grants[Terms, RefreshToken, AccessToken]):
    """Every grant of every person to the client."""

    code_prefix: ClassVar[str] = "4/0"
    ends_access_at_once: ClassVar[bool] = True

    def issue_access_token(self, email: str, scopes: tuple[str, ...], offline: bool) -> AccessToken:
        """A fresh access token, alive for 3,599 s by the clock."""
        value, expires = f"ya29.{secrets.token_urlsafe(96)}", clock.now() + timedelta(seconds=ACCESS_TOKEN_SECONDS)
        token = AccessToken(value=value, email=email, scopes=scopes, expires=expires, offline=offline)
        self.access_tokens[value] = token
        return token

    def issue_refresh_token(self, email: str, scopes: tuple[str, ...]) -> RefreshToken:
        """A fresh refresh token; the oldest beyond a hundred of the account dies silently."""
        value = f"1//0{secrets.token_urlsafe(64)}"
        token = RefreshToken(value=value, email=email, scopes=scopes, issued=clock.now())
        self.refresh_tokens[value] = token
        living = [other for other in self.refresh_tokens.values() if other.email == email and other.alive]
        for superfluous in living[:-_REFRESH_TOKENS_PER_ACCOUNT]:
            superfluous.revoked = clock.now()
        return token

    def owner(self, token: str) -> str | None:
        """Whose a living access or refresh token is."""
        access = self.access_tokens.get(token)
        if access and access.alive:
            return access.email
        refresh = self.refresh_tokens.get(token)
        return refresh.email if refresh and refresh.alive else None
