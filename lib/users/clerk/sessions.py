"""Sessions in Clerk's Backend API: https://clerk.com/docs/reference/backend-api/tag/Sessions"""

from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.users.clerk import api
from lib.users.sessions.models import ClerkSession

PAGE = 500
"""What it gives at most at once."""
MOST_PAGES = 10

_LIST = TypeAdapter(list[ClerkSession])
_ONE = TypeAdapter(ClerkSession)


def active(user: UserId) -> list[ClerkSession]:
    """The sessions in which the person is signed in, the newest first.

    Raises `ProviderFailed`, `Unavailable`, `DeadlineExceeded`.
    """
    sessions: list[ClerkSession] = []
    for page in range(MOST_PAGES):
        query = urlencode({"user_id": user, "status": "active", "limit": PAGE, "offset": page * PAGE})
        found = api.read(_LIST, api.ask("GET", f"/sessions?{query}"))
        # Whatever it answers, nobody is shown another's.
        sessions += [session for session in found if session.user_id == user]
        if len(found) < PAGE:
            break
    return sessions


def one_of(user: UserId, session_id: str) -> ClerkSession:
    """A session of the person's. Raises `NotFound` for all others, and what `active` does."""
    session: ClerkSession = api.read(_ONE, api.ask("GET", f"/sessions/{quote(session_id, safe='')}"))
    if session.user_id != user:
        raise NotFound()
    return session


def revoke(session_id: str) -> None:
    """End a session. Raises `NotFound`, and what `active` does."""
    api.ask("POST", f"/sessions/{quote(session_id, safe='')}/revoke")
