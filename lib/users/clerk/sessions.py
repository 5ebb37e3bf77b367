"""Sessions in Clerk's Backend API: https://clerk.com/docs/reference/backend-api/tag/Sessions"""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, ValidationError

from lib.core import retry, secrets, telemetry, transport
from lib.core.breaker import breaker
from lib.core.errors import NotFound, ProviderFailed
from lib.core.settings import load
from lib.core.store import UserId
from lib.core.transport import Reply
from lib.users.clerk.settings import SECRET, ClerkApiSettings
from lib.users.sessions.models import ClerkSession

VENDOR = "Clerk"
DEPENDENCY = "clerk-api"
# https://clerk.com/docs/guides/development/upgrading/versioning
API_VERSION = "2025-11-10"
PAGE = 500
"""What it gives at most at once."""
MOST_PAGES = 10

_LIST = TypeAdapter(list[ClerkSession])
_ONE = TypeAdapter(ClerkSession)


class _Throttled(ProviderFailed):
    """429: it asks for a pause."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__("Clerk asks for fewer requests")
        self.pause = pause


class _Refused(ProviderFailed):
    """It does not take the request as it is; the same one would be refused again."""


def active(user: UserId) -> list[ClerkSession]:
    """The sessions in which the person is signed in, the newest first.

    Raises `ProviderFailed`, `Unavailable`, `DeadlineExceeded`.
    """
    sessions: list[ClerkSession] = []
    for page in range(MOST_PAGES):
        query = urlencode({"user_id": user, "status": "active", "limit": PAGE, "offset": page * PAGE})
        found = _read(_LIST, _ask("GET", f"/sessions?{query}"))
        # Whatever it answers, nobody is shown another's.
        sessions += [session for session in found if session.user_id == user]
        if len(found) < PAGE:
            break
    return sessions


def one_of(user: UserId, session_id: str) -> ClerkSession:
    """A session of the person's. Raises `NotFound` for all others, and what `active` does."""
    session: ClerkSession = _read(_ONE, _ask("GET", f"/sessions/{quote(session_id, safe='')}"))
    if session.user_id != user:
        raise NotFound()
    return session


def revoke(session_id: str) -> None:
    """End a session. Raises `NotFound`, and what `active` does."""
    _ask("POST", f"/sessions/{quote(session_id, safe='')}/revoke")


def _ask(method: str, path: str) -> Reply:
    """What Clerk answers in health. Each call may be repeated: revoking once more changes nothing."""

    def attempt() -> Reply:
        return breaker(DEPENDENCY).call(lambda: _once(method, path), is_outage=_is_outage)

    return retry.run(attempt, spending=retry.budget(DEPENDENCY), pause_before_retry=_pause_before_retry)


def _once(method: str, path: str) -> Reply:
    headers = {
        "Authorization": f"Bearer {secrets.read(SECRET).reveal()}",
        "Accept": "application/json",
        "Clerk-API-Version": API_VERSION,
    }
    reply = transport.send(VENDOR, method, load(ClerkApiSettings).clerk_api_url + path, headers)
    if reply.status == 404:
        raise NotFound()
    # https://clerk.com/docs/guides/how-clerk-works/system-limits
    if reply.status == 429:
        raise _Throttled(reply.retry_after or timedelta())
    if reply.status >= 500:
        raise ProviderFailed(f"Clerk answered {reply.status}")
    if reply.status >= 300:
        telemetry.warning("Clerk refused a call", status=reply.status)
        raise _Refused(f"Clerk answered {reply.status}")
    return reply


def _is_outage(error: Exception) -> bool:
    return isinstance(error, ProviderFailed) and not isinstance(error, _Refused | _Throttled)


def _pause_before_retry(error: Exception) -> timedelta | None:
    if isinstance(error, _Throttled):
        return error.pause
    return timedelta() if _is_outage(error) else None


def _read(form: TypeAdapter[Any], reply: Reply) -> Any:
    try:
        return form.validate_python(json.loads(reply.body))
    except (ValueError, ValidationError):
        raise _Refused("Clerk's answer is not what it promises") from None
