"""What crosses the boundary of accounts: a connected account, and what connects, uses and disconnects it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from lib.core.http_models import Strict

AccountId = Annotated[str, StringConstraints(pattern=r"^acc_[0-9a-v]{24}$")]
Purpose = Annotated[str, StringConstraints(min_length=3, max_length=100)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=200)]
RedirectUrl = Annotated[str, StringConstraints(max_length=500)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Provider(StrEnum):
    """Whose accounts can be connected."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"


class Health(StrEnum):
    """Whether an account can be used, and if not, whose move it is."""

    OK = "ok"
    NEEDS_RECONNECT = "needs_reconnect"


class Account(BaseModel):
    """A provider's account that a person has connected. `scopes` are those that the person granted.

    `connected_at` is when it was connected first, `consented_at` when the person last consented.
    """

    id: AccountId
    provider: Provider
    email: str
    scopes: list[str]
    health: Health = Health.OK
    health_reason: str | None = None
    connected_at: datetime
    consented_at: datetime


class AccessToken(BaseModel):
    """What a caller of the vault gets: good for the named account until it expires."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"AccessToken(…, expires_at={self.expires_at.isoformat()})"

    __str__ = __repr__


class HandOutRequest(Strict):
    """Asks the vault for an access token, for a purpose that the audit log keeps, with the scopes that it needs."""

    account_id: AccountId
    purpose: Purpose
    scopes: Annotated[list[Scope], Field(max_length=50)]
    refused_token_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of a token that the provider refused before its time, so that the same one is not handed out again."""


class ConnectionStart(Strict):
    """Asks to connect an account; the provider sends the person back to `redirect_url`, one of the allowed."""

    provider: Provider
    redirect_url: RedirectUrl
    login_hint: Annotated[str, StringConstraints(max_length=320)] | None = None


class ConnectionStarted(BaseModel):
    """Where to send the person, and the state that comes back."""

    authorize_url: str
    state: str
    expires_at: datetime


class ConnectionFinish(Strict):
    """What the provider sent the person back with."""

    state: Annotated[str, StringConstraints(min_length=20, max_length=200)]
    code: Code = Field(repr=False)
    iss: Annotated[str, StringConstraints(max_length=500)] | None = None


class ExchangeRequest(Strict):
    """Has the vault turn a code into tokens and keep them; the verifier is as long as RFC 7636, section 4.1, has it."""

    provider: Provider
    code: Code = Field(repr=False)
    code_verifier: Annotated[str, StringConstraints(min_length=43, max_length=128)] = Field(repr=False)
    redirect_url: RedirectUrl


class ExchangedAccount(BaseModel):
    """Whose tokens the vault now keeps, and what they allow."""

    account_id: AccountId
    email: str
    scopes: list[str]
    consented_at: datetime


class ShredRequest(Strict):
    """Has the vault revoke an account's tokens at the provider and forget them."""

    account_id: AccountId
    purpose: Purpose


class Shredded(BaseModel):
    """Whether the provider confirmed; the tokens are gone here in either case."""

    revoked_at_provider: bool


class AccountList(BaseModel):
    """A person's connected accounts."""

    accounts: list[Account]
