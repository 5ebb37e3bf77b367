"""What crosses the boundary of sessions: Clerk's sessions and events, and what a person is shown of theirs."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from lib.core.http_models import unreserved
from lib.users.models import LATEST_MILLISECONDS

LIVE_STATUSES = ("active", "pending")

SessionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,128}$"), AfterValidator(unreserved)]
Milliseconds = Annotated[int, Field(ge=0, le=LATEST_MILLISECONDS)]
# Datetimes end with the year 9999.
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class SessionActivity(BaseModel):
    """Where a session was last used from, as Clerk guesses by the address and the browser's name for itself."""

    browser_name: str | None = None
    device_type: str | None = None
    is_mobile: bool = False
    city: str | None = None
    country: str | None = None


class ClerkSession(BaseModel):
    """A session in Clerk's Backend API and webhooks; only what Briefly needs. Instants in milliseconds.

    https://clerk.com/docs/reference/backend-api/tag/Sessions
    """

    id: SessionId
    user_id: SessionId
    status: str
    created_at: Milliseconds
    updated_at: Milliseconds
    last_active_at: Milliseconds
    expire_at: Milliseconds
    latest_activity: SessionActivity | None = None

    @property
    def is_live(self) -> bool:
        """Whether somebody is signed in by it, or about to be."""
        return self.status in LIVE_STATUSES

    def shown(self, current: str | None) -> "Session":
        """As its person sees it, who asks in the current one."""
        activity = self.latest_activity or SessionActivity()
        return Session(
            id=self.id,
            is_current=self.id == current,
            created_at=instant(self.created_at),
            last_active_at=instant(self.last_active_at),
            expires_at=instant(self.expire_at),
            browser=activity.browser_name,
            device=activity.device_type,
            is_mobile=activity.is_mobile,
            city=activity.city,
            country=activity.country,
        )


def instant(milliseconds: int) -> datetime:
    """An instant as Clerk writes it; the latest there is, for one that lies beyond."""
    seconds = milliseconds / 1000
    return datetime.fromtimestamp(seconds, UTC) if seconds < _LATEST.timestamp() else _LATEST


class SessionEvent(BaseModel):
    """A webhook of Clerk about a session (https://clerk.com/docs/guides/development/webhooks/overview)."""

    type: Literal["session.created", "session.pending", "session.ended", "session.removed", "session.revoked"]
    data: ClerkSession
    timestamp: int = 0

    @property
    def is_end(self) -> bool:
        """Whether the session is over."""
        return self.type not in ("session.created", "session.pending") or not self.data.is_live


class Session(BaseModel):
    """A browser or device in which the person is signed in. What it is and where, Clerk can only guess."""

    id: str
    is_current: bool
    created_at: datetime
    last_active_at: datetime
    expires_at: datetime
    browser: str | None = None
    device: str | None = None
    is_mobile: bool = False
    city: str | None = None
    country: str | None = None


class SessionSource(StrEnum):
    """Who says so: Clerk when asked, or what it last announced, while it does not answer."""

    CLERK = "clerk"
    ANNOUNCED = "announced"


class Sessions(BaseModel):
    """Where the person is signed in, the newest first. Without an answer of Clerk, some may be missing or over."""

    sessions: list[Session]
    source: SessionSource


class SessionPath(BaseModel):
    """A session in a path."""

    session_id: SessionId


class EndedSessions(BaseModel):
    """How many sessions were ended."""

    ended: int
