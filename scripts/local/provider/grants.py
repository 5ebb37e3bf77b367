"""What people have granted to the one client of a provider: consents, codes, refresh tokens and access tokens.

Every provider adds what its own tokens look like, and how they end and are replaced. Nothing that was ever given out is
forgotten, so that a test can look for it elsewhere.
"""

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Generic, TypeVar

from scripts.local import clock
from scripts.local.provider.wire import Call

CODE_LIFETIME = timedelta(minutes=10)


def grant_type(call: Call) -> str:
    """What a call of the token endpoint asks by, if it says so."""
    return dict(call.form()).get("grant_type", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a person agreed to in one round of consent, and what the client must prove to redeem it."""

    email: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    challenge_method: str
    nonce: str | None


@dataclass(slots=True, kw_only=True)
class RefreshToken(ABC):
    """A refresh token, of which providers say when it expires."""

    value: str
    email: str
    scopes: tuple[str, ...]
    issued: datetime
    revoked: datetime | None = None
    uses: int = 0
    last_used: datetime | None = None

    @property
    @abstractmethod
    def expired(self) -> bool:
        """Whether its time is up."""

    @property
    def alive(self) -> bool:
        """Whether it still makes access tokens."""
        return self.revoked is None and not self.expired


@dataclass(slots=True, kw_only=True)
class AccessToken:
    """A bearer token for a provider's APIs."""

    value: str
    email: str
    scopes: tuple[str, ...]
    expires: datetime

    @property
    def alive(self) -> bool:
        """Whether the APIs still accept it."""
        return clock.now() < self.expires


AgreedTerms = TypeVar("AgreedTerms", bound=Terms)
Refresh = TypeVar("Refresh", bound=RefreshToken)
Access = TypeVar("Access", bound=AccessToken)


@dataclass(slots=True)
class Code(Generic[AgreedTerms]):
    """An authorization code, good once."""

    terms: AgreedTerms
    expires: datetime
    used: bool = False
    revoked: bool = False

    @property
    def expired(self) -> bool:
        return clock.now() >= self.expires


@dataclass(slots=True)
class Grants(Generic[AgreedTerms, Refresh, Access]):
    """Every grant of every person to the client."""

    code_prefix: ClassVar[str]
    ends_access_at_once: ClassVar[bool]
    """Whether revoking a grant ends its access tokens too, or lets them live until their end."""

    consents: dict[str, set[str]] = field(default_factory=dict)
    codes: dict[str, Code[AgreedTerms]] = field(default_factory=dict)
    refresh_tokens: dict[str, Refresh] = field(default_factory=dict)
    access_tokens: dict[str, Access] = field(default_factory=dict)
    refreshes: dict[str, int] = field(default_factory=dict)

    def issue_code(self, terms: AgreedTerms) -> str:
        """Note the consent and give out a code for it."""
        self.consents.setdefault(terms.email, set()).update(terms.scopes)
        value = f"{self.code_prefix}{secrets.token_urlsafe(48)}"
        self.codes[value] = Code(terms, clock.now() + CODE_LIFETIME)
        return value

    def count_refresh(self, token: Refresh) -> None:
        """Note that the token made an access token."""
        token.uses += 1
        token.last_used = clock.now()
        self.refreshes[token.email] = self.refreshes.get(token.email, 0) + 1

    def user_of(self, call: Call) -> str | None:
        """Whose grant a call of the token endpoint is about, for the record and for faults; nothing is judged."""
        form = dict(call.form())
        refresh = self.refresh_tokens.get(form.get("refresh_token", ""))
        code = self.codes.get(form.get("code", ""))
        return refresh.email if refresh else code.terms.email if code else None

    def given_out(self, email: str) -> dict[str, list[str]]:
        """Everything secret that the client ever got for an account, by its kind."""
        return {
            "access tokens": [token.value for token in self.access_tokens.values() if token.email == email],
            "refresh tokens": [token.value for token in self.refresh_tokens.values() if token.email == email],
            "codes": [value for value, code in self.codes.items() if code.terms.email == email],
        }

    def revoke(self, email: str) -> None:
        """End the person's refresh tokens and codes, and forget the consent."""
        self.consents.pop(email, None)
        if self.ends_access_at_once:
            self.expire_access_tokens(email)
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
