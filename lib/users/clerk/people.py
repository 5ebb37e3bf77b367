"""People in Clerk's Backend API: https://clerk.com/docs/reference/backend-api/tag/Users"""

from contextlib import suppress
from urllib.parse import quote

from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.users.clerk import api


def delete(user: UserId) -> None:
    """Delete somebody, with all their sessions; nothing happens if Clerk knows them no more.

    Raises `ProviderFailed`, `Unavailable`, `DeadlineExceeded`.
    """
    with suppress(NotFound):
        api.ask("DELETE", f"/users/{quote(user, safe='')}")
