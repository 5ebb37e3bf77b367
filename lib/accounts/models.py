"""What crosses the boundary of accounts: a connected account, and what connects, uses and disconnects it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from lib.core.http_models import SpelledOut, Strict

AccountId = Annotated[str, StringConstraints(pattern=r"^acc_[0-9a-v]{24}$")]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=100)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=200)]
RedirectUrl = Annotated[str, StringConstraints(max_length=500)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Provider(StrEnum):
    """Whose accounts can be connected."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"


class Capability(StrEnum):
    """What a person may let Briefly do with an account."""

    MAIL_READ = "mail_read"
    MAIL_CHANGE = "mail_change"
    MAIL_SEND = "mail_send"
    CALENDAR_READ = "calendar_read"
    CALENDAR_CHANGE = "calendar_change"
    FILES_CHANGE = "files_change"
    CONTACTS_CHANGE = "contacts_change"


Capabilities = Annotated[list[Capability], Field(min_length=1, max_length=len(Capability))]


class Purpose(StrEnum):
    """What an access token is asked for. The list is closed, so that the audit log means the same by each name."""

    LIST_MAIL = "list mail"
    GATHER_MAIL = "gather recent mail"
    READ_MESSAGE = "read a message"
    READ_CONVERSATION = "read a conversation"
    LIST_LABELS = "list labels"
    LIST_EVENTS = "list events"
    GATHER_EVENTS = "gather events"
    READ_EVENT = "read an event"
    LIST_CALENDARS = "list calendars"
    ANSWER_QUESTION = "answer a question"
    READ_MAIL = "read mail"
    READ_CALENDARS = "read calendars"


class Health(StrEnum):
    """Whether an account can be used, and if not, whose move it is.

    `throttled`: the provider failed or asked for a pause, and is left alone until `throttled_until`; nobody has to act.
    `expiring`: the grant ends within days, at `grant_ends_at`, unless the person connects the account again before.
    `needs_reconnect`: the grant has ended, for the `health_reason` that the provider gave; only the person can help.
    """

    OK = "ok"
    EXPIRING = "expiring"
    THROTTLED = "throttled"
    NEEDS_RECONNECT = "needs_reconnect"


class Account(BaseModel):
    """A provider's account that a person has connected. `scopes` are those that the person granted.

    `capabilities` is what they allow. `connected_at` is when it was connected first, `consented_at` when the person
    last consented, `grant_ends_at` when the grant ends if it is not used meanwhile, or in any case where the provider
    says so.
    """

    id: AccountId
    provider: Provider
    email: str
    scopes: list[str]
    capabilities: list[Capability] = Field(default_factory=list)
    health: Health = Health.OK
    health_reason: str | None = None
    throttled_until: datetime | None = None
    grant_ends_at: datetime | None = None
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
    """Asks the vault for an access token, for a purpose that the audit log keeps, with the scopes that it needs.

    These are the narrowest of the granted ones that allow what the caller may be handed tokens for.
    """

    account_id: AccountId
    purpose: Purpose
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=50)]
    refused_token_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of a token that the provider refused before its time, so that the same one is not handed out again."""


class ConnectionStart(Strict):
    """Asks to connect an account; the provider sends the person back to `redirect_url`, one of the allowed.

    `capabilities` is what the person is asked to allow: by default what the account allows already, else reading mail
    and calendars. `account_id` names an account of the person's that is to be connected again or to allow more.
    """

    provider: Provider
    redirect_url: RedirectUrl
    login_hint: Annotated[str, StringConstraints(max_length=320)] | None = None
    capabilities: Capabilities | None = None
    account_id: AccountId | None = None


class ConnectionStarted(BaseModel):
    """Where to send the person, and the state that comes back."""

    authorize_url: str
    state: str
    expires_at: datetime


class ConnectionFinish(Strict):
    """What the provider sent the person back with, and to which provider's redirect."""

    provider: Provider | None = None
    state: Annotated[str, StringConstraints(min_length=20, max_length=200)]
    code: Code = Field(repr=False)
    iss: Annotated[str, StringConstraints(max_length=500)] | None = None


class ExchangeRequest(Strict):
    """Has the vault turn a code into tokens and keep them; the verifier is as long as RFC 7636, section 4.1, has it.

    `scopes` is what the person was asked for; `account_id` the only account that may come of it, if one was named.
    """

    provider: Provider
    code: Code = Field(repr=False)
    code_verifier: Annotated[str, StringConstraints(min_length=43, max_length=128)] = Field(repr=False)
    redirect_url: RedirectUrl
    scopes: Annotated[list[Scope], Field(max_length=50)] = Field(default_factory=list)
    account_id: AccountId | None = None


class ExchangedAccount(BaseModel):
    """Whose tokens the vault now keeps, and what they allow."""

    account_id: AccountId
    email: str
    scopes: list[str]
    consented_at: datetime
    grant_ends_at: datetime | None = None


class ShredRequest(Strict):
    """Has the vault revoke an account's tokens at the provider and forget them."""

    account_id: AccountId
    purpose: Reason


class Shredded(BaseModel):
    """Whether the provider confirmed; the account's tokens are gone here in either case.

    `finishes_later`: the provider did not answer, and is asked again for some days.
    """

    revoked_at_provider: bool
    finishes_later: bool = False


class AccountTask(Strict):
    """Has the vault do what is due for an account: refresh its tokens, or have an earlier grant revoked."""

    account_id: AccountId


class Refreshed(BaseModel):
    """Whether the tokens were refreshed by this."""

    refreshed: bool


class RevocationTried(BaseModel):
    """Whether nothing is left to be done, and whether the provider has just confirmed."""

    finished: bool
    revoked: bool = False


class SweepRequest(Strict):
    """Has the vault look for what is due, after an instant at which an earlier sweep had to end."""

    after: Annotated[AwareDatetime, SpelledOut] | None = None


class Swept(BaseModel):
    """How many tasks were enqueued."""

    enqueued: int


class AccountList(BaseModel):
    """A person's connected accounts."""

    accounts: list[Account]
