"""Microsoft's tokens.

Lifetimes: a code about 10 minutes (v2-oauth2-auth-code-flow#successful-response), a refresh token 90 days. Every use of
a refresh token yields a new one, and the one used stays good until its own end:
https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens#token-lifetime. An access token lives 60 to 90
minutes: https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-lifetime. Who revokes a person's
sessions ends refresh tokens, and access tokens live on until their end:
https://learn.microsoft.com/en-us/entra/identity/users/users-revoke-access#access-tokens-and-refresh-tokens
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from scripts.local import clock
from scripts.local.provider import grants
from scripts.local.provider.grants import Terms

REFRESH_LIFETIME = timedelta(days=90)
_SHORTEST_SECONDS = 60 * 60
_LONGEST_SECONDS = 90 * 60

Code = grants.Code[Terms]


@dataclass(slots=True, kw_only=True)
class RefreshToken(grants.RefreshToken):
    """A refresh token; `generation` counts from the one that came with the code, over all of the `family`."""

    family: str
    generation: int
    expires: datetime

    @property
    def expired(self) -> bool:
        """Whether its time is up, used or not."""
        return clock.now() >= self.expires

    @property
    def sha256(self) -> str:
        """The token for those who may not see it."""
        return hashlib.sha256(self.value.encode()).hexdigest()


@dataclass(slots=True, kw_only=True)
class AccessToken(grants.AccessToken):
    """A bearer token for Graph, which nobody but Graph can read."""

    seconds: int


@dataclass(slots=True)
class Grants(grants.Grants[Terms, RefreshToken, AccessToken]):
    """Every grant of every person to the application."""

    code_prefix: ClassVar[str] = "M.C5_LOC.2.U."
    ends_access_at_once: ClassVar[bool] = False

    def issue_access_token(self, email: str, scopes: tuple[str, ...]) -> AccessToken:
        """A fresh access token, alive for 60 to 90 minutes by the clock."""
        seconds = _SHORTEST_SECONDS + secrets.randbelow(_LONGEST_SECONDS - _SHORTEST_SECONDS)
        value, expires = f"EwB{secrets.token_urlsafe(384)}", clock.now() + timedelta(seconds=seconds)
        token = AccessToken(value=value, email=email, scopes=scopes, expires=expires, seconds=seconds)
        self.access_tokens[value] = token
        return token

    def issue_refresh_token(self, email: str, scopes: tuple[str, ...]) -> RefreshToken:
        """The first refresh token of a family."""
        return self._add_refresh_token(email, scopes, str(uuid.uuid4()), 0)

    def rotate(self, used: RefreshToken) -> RefreshToken:
        """Note a use, and give out the next one, with all the time of a new one."""
        self.count_refresh(used)
        newest = max(token.generation for token in self.refresh_tokens.values() if token.family == used.family)
        return self._add_refresh_token(used.email, used.scopes, used.family, newest + 1)

    def _add_refresh_token(self, email: str, scopes: tuple[str, ...], family: str, generation: int) -> RefreshToken:
        value, now = f"M.C5_LOC.0.U.-{secrets.token_urlsafe(288)}", clock.now()
        token = RefreshToken(
            value=value,
            email=email,
            scopes=scopes,
            family=family,
            generation=generation,
            issued=now,
            expires=now + REFRESH_LIFETIME,
        )
        self.refresh_tokens[value] = token
        return token

    def expire_refresh_tokens(self, email: str | None = None) -> int:
        """End the refresh tokens of one person, or of all, as if their time were up; how many."""
        tokens = self.refresh_tokens.values()
        ended = [token for token in tokens if not token.expired and email in (None, token.email)]
        for token in ended:
            token.expires = clock.now()
        return len(ended)
