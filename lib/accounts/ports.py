"""What Briefly asks of a provider: its consent page, and its token endpoints. One adapter each per vendor."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True)
class ConsentRequest:
    """One connecting, as a consent page is told of it; the verifier stays here (RFC 7636)."""

    redirect_url: str
    state: str
    code_verifier: str = field(repr=False)
    scopes: tuple[str, ...]
    login_hint: str | None = None

    @property
    def challenge_digest(self) -> bytes:
        """What the verifier will be known by."""
        return hashlib.sha256(self.code_verifier.encode()).digest()

    def parameters(self, client_id: str) -> dict[str, str]:
        """What every provider is asked with: RFC 6749, section 4.1.1, and RFC 7636, section 4.3."""
        parameters = {
            "client_id": client_id,
            "redirect_uri": self.redirect_url,
            "response_type": "code",
            "scope": " ".join(self.scopes),
            "state": self.state,
            "code_challenge": urlsafe_b64encode(self.challenge_digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return parameters | ({"login_hint": self.login_hint} if self.login_hint else {})


class Consent(Protocol):
    """A provider's page on which people consent."""

    def url(self, request: ConsentRequest) -> str:
        """Where the person consents."""
        ...

    def is_issuer(self, issuer: str) -> bool:
        """Whether an answer with this `iss` came from the provider (RFC 9207)."""
        ...


class GrantEnded(Exception):
    """The refresh token is good no more; only the person can help. The message is the provider's reason."""


@dataclass(frozen=True)
class Grant:
    """What a provider's token endpoint answered. `refresh_token` is None where the earlier one stays.

    `lasts_unused` is how long the refresh token lives without being used, `lasts` how long it lives in any case, where
    the provider says so.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime: timedelta
    scopes: frozenset[str]
    lasts_unused: timedelta
    lasts: timedelta | None = None


@dataclass(frozen=True)
class Owner:
    """Whose account it is: issuer and subject name it for ever, the address may change."""

    issuer: str
    subject: str
    email: str


class OAuth(Protocol):
    """A provider's token endpoints."""

    def exchange(self, code: str, code_verifier: str, redirect_url: str, asked: frozenset[str]) -> tuple[Grant, Owner]:
        """Turn a code into tokens; `asked` are the scopes that the person was asked for.

        Raises `CodeRefused`, `ProviderBusy`.
        """
        ...

    def refresh(self, refresh_token: str, scopes: frozenset[str]) -> Grant:
        """A new access token, for the scopes that were granted. Raises `GrantEnded`, `ProviderBusy`."""
        ...

    def revoke(self, refresh_token: str) -> bool:
        """End the grant; False if the provider knew it no more, or ends none. Raises `ProviderBusy`."""
        ...
