"""Who applies what Clerk announces."""

from lib.users import lifecycle
from lib.users.announcements import Announcement
from lib.users.models import ClerkEvent
from lib.users.sessions import announced as sessions
from lib.users.sessions.models import SessionEvent


def apply(announcement: Announcement) -> None:
    """Bring what Briefly knows to what is announced, whatever the order and the repetitions. Raises `Unavailable`."""
    match announcement.root:
        case ClerkEvent() as event:
            lifecycle.apply(event)
        case SessionEvent() as event:
            sessions.apply(event)
