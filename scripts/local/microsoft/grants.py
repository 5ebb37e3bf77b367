"""What people have granted to the one application: consents, codes, refresh tokens and access tokens.

Lifetimes: a code about 10 minutes (v2-oauth2-auth-code-flow#successful-response), a refresh token 90 days. Every use of
a refresh token yields a new one, and the one used stays good until its own end:
https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens#token-lifetime. An access token lives 60 to 90
minutes: https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-lifetime
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scripts.local import clock

REFRESH_LIFETIME = timedelta(days=90)
_CODE_LIFETIME = timedelta(minutes=10)
_SHORTEST_SECONDS = 60 * 60
_LONGEST_SECONDS = 90 * 60


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person agreed to in one round of consent, and what the client must prove to redeem it."""

    email: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    challenge_method: str
    nonce: str | None


@dataclass(slots=True)
class Code:
    """An authorization code, good once."""

    terms: Terms
    issued: datetime
    used: bool = False
    revoked: bool = False

    @property
    def expired(self) -> bool:
        return clock.now() - self.issued >= _CODE_LIFETIME


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; `generation` counts from the one that came with the code, over all of the `family`."""

    value: str
    email: str
    scopes: tuple[str, ...]
    family: str
    generation: int
    issued: datetime
    expires: datetime
    revoked: datetime | None = None
    uses: int = 0
    last_used: datetime | None = None

    @property
    def expired(self) -> bool:
        return clock.now() >= self.expires

    @property
    def sha256(self) -> str:
        """The token for those who may not see it."""
        return hashlib.sha256(self.value.encode()).hexdigest()


@dataclass(slots=True)
class AccessToken:
    """A bearer token for Graph, which nobody but Graph can read."""

    value: str
    email: str
    scopes: tuple[str, ...]
    expires: datetime
    seconds: int

    @property
    def alive(self) -> bool:
        """Whether Graph still accepts it."""
        return clock.now() < self.expires


@dataclass(slots=True)
class Grants:
    """Every grant of every person to the application."""

    consents: dict[str, set[str]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refreshes: dict[str, int] = field(default_factory=dict)

    def issue_code(self, terms: Terms) -> str:
        """Note the consent and give out a code for it."""
        self.consents.setdefault(terms.email, set()).update(terms.scopes)
        value = f"M.C5_LOC.2.U.{secrets.token_urlsafe(48)}"
        self.codes[value] = Code(terms, clock.now())
        return value

    def issue_access_token(self, email: str, scopes: tuple[str, ...]) -> AccessToken:
        """A fresh access token, alive for 60 to 90 minutes by the clock."""
        seconds = _SHORTEST_SECONDS + secrets.randbelow(_LONGEST_SECONDS - _SHORTEST_SECONDS)
        expires = clock.now() + timedelta(seconds=seconds)
        token = AccessToken(f"EwB{secrets.token_urlsafe(384)}", email, scopes, expires, seconds)
        self.access_tokens[token.value] = token
        return token

    def issue_refresh_token(self, email: str, scopes: tuple[str, ...]) -> RefreshToken:
        """The first refresh token of a family."""
        return self._add_refresh_token(email, scopes, str(uuid.uuid4()), 0)

    def rotate(self, used: RefreshToken) -> RefreshToken:
        """Note a use, and give out the next one, with all the time of a new one."""
        used.uses += 1
        used.last_used = clock.now()
        self.refreshes[used.email] = self.refreshes.get(used.email, 0) + 1
        newest = max(token.generation for token in self.refresh_tokens.values() if token.family == used.family)
        return self._add_refresh_token(used.email, used.scopes, used.family, newest + 1)

    def _add_refresh_token(self, email: str, scopes: tuple[str, ...], family: str, generation: int) -> RefreshToken:
        value, now = f"M.C5_LOC.0.U.-{secrets.token_urlsafe(288)}", clock.now()
        token = RefreshToken(value, email, scopes, family, generation, now, now + REFRESH_LIFETIME)
        self.refresh_tokens[value] = token
        return token

    def revoke(self, email: str) -> None:
        """End the person's refresh tokens and codes, and forget the consent; access tokens live on until their end.

        https://learn.microsoft.com/en-us/entra/identity/users/users-revoke-access#access-tokens-and-refresh-tokens
        """
        self.consents.pop(email, None)
        for token in self.refresh_tokens.values():
            if token.email == email and token.revoked is None:
                token.revoked = clock.now()
        for code in self.codes.values():
            code.revoked = code.revoked or code.terms.email == email

    def expire_access_tokens(self, email: str | None = None) -> int:
        """End the access tokens of one person, or of all, at once; how many."""
        ended = [token for token in self.access_tokens.values() if token.alive and email in (None, token.email)]
        for token in ended:
            token.expires = clock.now()
        return len(ended)

    def expire_refresh_tokens(self, email: str | None = None) -> int:
        """End the refresh tokens of one person, or of all, as if their time were up; how many."""
        tokens = self.refresh_tokens.values()
        ended = [token for token in tokens if not token.expired and email in (None, token.email)]
        for token in ended:
            token.expires = clock.now()
        return len(ended)
