"""What people have granted to the one client: consents, authorization codes, refresh and access tokens.

Lifetimes: an access token 3,599 s, a code 10 min, a refresh token until six months
unused or until a hundred newer ones.
Source: https://developers.google.com/identity/protocols/oauth2#expiration
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scripts.local import clock

ACCESS_TOKEN_SECONDS = 3599
_CODE_LIFETIME = timedelta(minutes=10)
_UNUSED_LIFETIME = timedelta(days=182)
_REFRESH_TOKENS_PER_ACCOUNT = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person agreed to in one round of consent, and what the client must prove to redeem it."""

    email: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    challenge_method: str
    nonce: str | None
    offline: bool
    with_refresh_token: bool


@dataclass(slots=True)
class Code:
    """An authorization code, good once."""

    terms: Terms
    expires: datetime
    used: bool = False


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; `spent` counts the access tokens made from it."""

    value: str
    email: str
    scopes: tuple[str, ...]
    last_used: datetime
    revoked: bool = False
    spent: int = 0

    @property
    def alive(self) -> bool:
        """Whether it still makes access tokens."""
        return not self.revoked and clock.now() - self.last_used < _UNUSED_LIFETIME


@dataclass(slots=True)
class AccessToken:
    """A bearer token for the APIs."""

    value: str
    email: str
    scopes: tuple[str, ...]
    expires: datetime
    offline: bool

    @property
    def alive(self) -> bool:
        """Whether the APIs still accept it."""
        return clock.now() < self.expires


@dataclass(slots=True)
class Grants:
    """Every grant of every person to the client."""

    consents: dict[str, set[str]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refreshes: dict[str, int] = field(default_factory=dict)

    def issue_code(self, terms: Terms) -> str:
        """Note the consent and give out a code for it."""
        self.consents.setdefault(terms.email, set()).update(terms.scopes)
        value = f"4/0{secrets.token_urlsafe(48)}"
        self.codes[value] = Code(terms, clock.now() + _CODE_LIFETIME)
        return value

    def issue_access_token(self, email: str, scopes: tuple[str, ...], offline: bool) -> AccessToken:
        """A fresh access token, alive for 3,599 s by the clock."""
        expires = clock.now() + timedelta(seconds=ACCESS_TOKEN_SECONDS)
        token = AccessToken(f"ya29.{secrets.token_urlsafe(96)}", email, scopes, expires, offline)
        self.access_tokens[token.value] = token
        return token

    def issue_refresh_token(self, email: str, scopes: tuple[str, ...]) -> RefreshToken:
        """A fresh refresh token; the oldest beyond a hundred of the account dies silently."""
        token = RefreshToken(f"1//0{secrets.token_urlsafe(64)}", email, scopes, clock.now())
        self.refresh_tokens[token.value] = token
        living = [other for other in self.refresh_tokens.values() if other.email == email and other.alive]
        for superfluous in living[:-_REFRESH_TOKENS_PER_ACCOUNT]:
            superfluous.revoked = True
        return token

    def count_refresh(self, token: RefreshToken) -> None:
        """Note that the token made an access token."""
        token.last_used = clock.now()
        token.spent += 1
        self.refreshes[token.email] = self.refreshes.get(token.email, 0) + 1

    def owner(self, token: str) -> str | None:
        """Whose a living access or refresh token is."""
        access = self.access_tokens.get(token)
        if access and access.alive:
            return access.email
        refresh = self.refresh_tokens.get(token)
        return refresh.email if refresh and refresh.alive else None

    def revoke(self, email: str) -> None:
        """End the person's whole grant: tokens, codes and consent."""
        self.consents.pop(email, None)
        self.expire_access_tokens(email)
        for token in self.refresh_tokens.values():
            token.revoked = token.revoked or token.email == email
        for code in self.codes.values():
            code.used = code.used or code.terms.email == email

    def expire_access_tokens(self, email: str | None = None) -> int:
        """End the access tokens of one person, or of all, at once; how many."""
        ended = [token for token in self.access_tokens.values() if token.alive and email in (None, token.email)]
        for token in ended:
            token.expires = clock.now()
        return len(ended)
