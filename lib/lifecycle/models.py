"""What crosses the boundary of lifecycle: deletions and exports, as they are asked for and as they proceed."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from lib.core.http_models import Strict, unreserved

Receipt = Annotated[str, StringConstraints(pattern=r"^era_[0-9a-v]{26}$")]
ExportId = Annotated[str, StringConstraints(pattern=r"^exp_[0-9a-v]{26}$")]
TOPIC = "user-events"


class DeletionRequest(Strict):
    """Asks for everything to be deleted. The words are there so that nothing but that can be meant."""

    confirmation: Literal["delete everything"]


class Deletion(BaseModel):
    """A deletion that was asked for: it begins at `due_at`, and can be undone until then.

    With the receipt whoever holds it learns later, without being anybody here, what became of it, and gets the signed
    certificate of it.
    """

    receipt: Receipt
    requested_at: datetime
    due_at: datetime


class Erasure(BaseModel):
    """How far the erasure of somebody is.

    `erased_at` is when nothing was left, `finished_at` when that was seen once more.
    """

    receipt: Receipt
    begun_at: datetime
    steps_done: list[str] = Field(default_factory=list)
    erased_at: datetime | None = None
    finished_at: datetime | None = None


class ExportState(StrEnum):
    """Where an export stands."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class FileEntry(BaseModel):
    """A file in an export; the hash is SHA-256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str


class Export(BaseModel):
    """A copy of everything that is a person's, being made or ready to be fetched until `expires_at`.

    Of `parts_total` parts, one per capability and known once the first is there, `parts_done` are gathered; then they
    are put into one ZIP file.
    """

    id: ExportId
    state: ExportState = ExportState.RUNNING
    requested_at: datetime
    expires_at: datetime
    parts_done: int = 0
    parts_total: int = 0
    bytes: int | None = None
    sha256: str | None = None
    ready_at: datetime | None = None


class ExportList(BaseModel):
    """A person's exports, newest first."""

    exports: list[Export]


class ExportLink(BaseModel):
    """Where the ZIP file can be fetched, by whoever has the link, until it expires."""

    url: str
    expires_at: datetime


class UserEvent(BaseModel):
    """Has the rooms do their part of what becomes of a person; `subject` is the receipt, or the export's id."""

    type: Literal["user.deleting", "user.exporting", "user.retaining"]
    person: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,128}$"), AfterValidator(unreserved)]
    subject: Receipt | ExportId | Literal[""] = ""
    step: Annotated[str, StringConstraints(max_length=100)] = ""
