"""What crosses the boundary of notices."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, StringConstraints

NoticeId = Annotated[str, StringConstraints(pattern=r"^ntc_[0-9a-v]{24}$")]


class About(StrEnum):
    """What has happened. The words for it are the front end's."""

    EXPORT_READY = "export-ready"
    EXPORT_FAILED = "export-failed"


class Notice(BaseModel):
    """Something that the person is told of; `subject` is the id of what it is about."""

    id: NoticeId
    about: About
    subject: str
    created_at: datetime
    read_at: datetime | None = None


class NoticePage(BaseModel):
    """Notices, the newest first."""

    notices: list[Notice]
    next_cursor: str | None = None


class NoticePath(BaseModel):
    """Names a notice."""

    notice_id: NoticeId
