"""What the audit log is made of, and what a person gets to see of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NewType

from pydantic import BaseModel, ConfigDict, PlainSerializer

from lib.core.store import UserId
from lib.core.telemetry import person_hash

PersonHash = NewType("PersonHash", str)
"""What a person is called here, so that the log may outlive them."""


class Action(StrEnum):
    """The operations that are written down."""

    EXCHANGE = "exchange"
    HAND_OUT = "hand-out"
    REFRESH = "refresh"
    SHRED = "shred"
    REVOKE = "revoke"
    ERASE = "erase"
    EXPORT = "export"
    DELETION = "deletion"
    KEY_ROTATION = "key-rotation"
    SHARING = "sharing"
    PRIVACY = "privacy"
    END_SESSION = "end-session"


def written(moment: datetime) -> str:
    """An instant as the log writes it: UTC, with six digits of a second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[datetime, PlainSerializer(written, return_type=str, when_used="json")]


class AuditEntry(BaseModel):
    """A sensitive operation: what was done or tried, by which service account, what for, and what came of it.

    It holds no personal data. The account is "" where it is not known, or all are meant.
    """

    model_config = ConfigDict(extra="ignore")

    id: str
    at: Moment
    action: str
    caller: str
    purpose: str
    account_id: str
    outcome: str


class AuditPage(BaseModel):
    """A page of a person's log, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = None


class Finding(BaseModel):
    """Something that is wrong with the log: where, and what."""

    place: str
    problem: str


class AuditVerification(BaseModel):
    """What a check of a person's log found.

    Entries wait for a seal, and seals for a signed head, for up to about an hour; `attested_at` is when the newest
    head was signed that one of the seals is in. `limits` says what the check does not show.
    """

    intact: bool
    findings: list[Finding]
    entries: int
    seals: int
    attested_seals: int
    heads: int
    waiting_entries: int
    waiting_seals: int
    attested_at: str | None
    key_fingerprints: dict[str, str]
    limits: str


@dataclass(frozen=True)
class Pointer:
    """What waits to be worked on: an entry for a seal by its id, or a seal for a proof by its number; and its hash."""

    person: PersonHash
    id: str
    hash: str


@dataclass(frozen=True)
class Link:
    """A seal as the verifier takes it, with the entries that it names, and its proof if there is one.

    `number` is under which it is kept.
    """

    number: int
    seal: dict[str, Any]
    entries: list[dict[str, Any]]
    proof: dict[str, Any] | None
    awaits_proof: bool


def of(user: UserId) -> PersonHash:
    """What the person is called in the log."""
    return PersonHash(person_hash(user))
