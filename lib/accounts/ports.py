"""What the vault asks of a provider's OAuth; one adapter per vendor."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


class GrantEnded(Exception):
    """The refresh token is good no more; only the person can help. The message is the provider's reason."""


@dataclass(frozen=True)
class Grant:
    """What a provider's token endpoint answered. `refresh_token` is None where the earlier one stays."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime: timedelta
    scopes: frozenset[str]


@dataclass(frozen=True)
class Owner:
    """Whose account it is: issuer and subject name it for ever, the address may change."""

    issuer: str
    subject: str
    email: str


class OAuth(Protocol):
    """A provider's token endpoints."""

    def exchange(self, code: str, code_verifier: str, redirect_url: str) -> tuple[Grant, Owner]:
        """Turn a code into tokens. Raises `CodeRefused`, `ProviderBusy`."""
        ...

    def refresh(self, refresh_token: str) -> Grant:
        """A new access token. Raises `GrantEnded`, `ProviderBusy`."""
        ...

    def revoke(self, refresh_token: str) -> bool:
        """End the grant; False if the provider knew it no more. Raises `ProviderBusy`."""
        ...
