"""What Clerk announces of sessions, at least once and in any order."""

from lib.core.store import UserId
from lib.usage.deletion import is_deleted
from lib.users.sessions import store
from lib.users.sessions.models import SessionEvent


def apply(event: SessionEvent) -> None:
    """Keep what is announced, unless something newer is known; what is over stays so.

    Of people who were deleted nothing is kept.
    """
    user = UserId(event.data.user_id)
    if is_deleted(user):
        return
    if event.is_end:
        store.end(user, event.data.id)
    else:
        store.keep(event.data)
    # A deletion that came in between left its mark before it erased, so that one of the two sees the other.
    if is_deleted(user):
        store.forget(user, event.data.id)
