"""What crosses the boundary of users: a person, what Clerk announces of them, and what ends with a person."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from lib.core.http_models import Strict, unreserved

LATEST_MILLISECONDS = 2**53


class Profile(BaseModel):
    """A person, as Clerk knows them."""

    id: str
    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    created_at: datetime


class ClerkUser(BaseModel):
    """A user in Clerk's webhooks (https://clerk.com/docs/webhooks/overview); only what Briefly keeps."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,128}$"), AfterValidator(unreserved)]
    first_name: str | None = None
    last_name: str | None = None
    primary_email_address_id: str | None = None
    email_addresses: list["ClerkEmailAddress"] = Field(default_factory=list)
    updated_at: Annotated[int, Field(ge=0, le=LATEST_MILLISECONDS)] = 0
    deleted: bool = False

    @property
    def primary_email(self) -> str | None:
        """The address that the person chose as the main one."""
        for address in self.email_addresses:
            if address.id == self.primary_email_address_id:
                return address.email_address
        return None


class ClerkEmailAddress(BaseModel):
    """An address of a user."""

    id: str
    email_address: str


class ClerkEvent(BaseModel):
    """A webhook of Clerk about a user, as it is handed on; `timestamp` is in milliseconds since the epoch."""

    type: Literal["user.created", "user.updated", "user.deleted"]
    data: ClerkUser
    timestamp: int = 0


Receipt = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{16,64}$")]
"""Names a deletion and its certificate, and tells nothing of whose they are."""


class ErasureRequest(Strict):
    """Has the vault end everything that it keeps of a deleted person; the audit log keeps the purpose.

    `receipt` is the deletion's; without one the vault makes one.
    """

    purpose: Annotated[str, StringConstraints(min_length=3, max_length=100)]
    receipt: Receipt | None = None


class Erased(BaseModel):
    """How many accounts the vault kept tokens of, and for how many the provider confirmed their end."""

    accounts: int
    revoked_at_provider: int
    receipt: str
