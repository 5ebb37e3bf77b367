"""The list of sessions of Clerk's Backend API: https://clerk.com/docs/reference/backend-api/tag/Sessions"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scripts.local.clerk.people import Session


class NobodyNamed(Exception):
    """Neither a user nor a client is given, of which one has to be."""


class SessionQuery(BaseModel):
    """What is asked for. The answer is a bare list, unless `paginated` asks for the number of all beside it."""

    model_config = ConfigDict(extra="ignore")

    user_id: str | None = None
    client_id: str | None = None
    status: Literal["abandoned", "active", "ended", "expired", "removed", "replaced", "revoked"] | None = None
    limit: int = Field(default=10, ge=1, le=500)
    offset: int = Field(default=0, ge=0)
    paginated: bool = False

    def asks_for(self, session: Session) -> bool:
        """Whether the session is among those that are meant."""
        return (
            self.user_id in (None, session.user_id)
            and self.client_id in (None, session.client_id)
            and self.status in (None, session.shown()["status"])
        )


def listed(sessions: Iterable[Session], parameters: Mapping[str, str]) -> Any:
    """The sessions that the query's parameters ask for, the newest first.

    Raises `ValidationError` for values that are none, and `NobodyNamed`.
    """
    query = SessionQuery.model_validate(dict(parameters))
    if query.user_id is None and query.client_id is None:
        raise NobodyNamed()
    # Those of one millisecond in the order in which they were made.
    newest_first = sorted(sessions, key=lambda session: session.created_at)[::-1]
    found = [session.shown() for session in newest_first if query.asks_for(session)]
    page = found[query.offset : query.offset + query.limit]
    return {"data": page, "total_count": len(found)} if query.paginated else page
