"""Where a person is signed in."""

from datetime import timedelta

from lib.core import deadline, telemetry
from lib.core.errors import DeadlineExceeded, ProviderFailed, Unavailable
from lib.core.identity import Identity
from lib.users.clerk import sessions as clerk
from lib.users.sessions import store
from lib.users.sessions.models import Sessions, SessionSource

LONGEST_WAIT = timedelta(seconds=5)
"""Then what was announced is better than nothing."""


def listed(identity: Identity) -> Sessions:
    """The person's sessions, and which is the one that asks. While Clerk does not answer, what it last announced."""
    source = SessionSource.CLERK
    try:
        with deadline.within(LONGEST_WAIT):
            known = clerk.active(identity.person)
    except (ProviderFailed, Unavailable, DeadlineExceeded) as problem:
        telemetry.warning("sessions shown as announced", problem=problem.type())
        source, known = SessionSource.ANNOUNCED, store.live(identity.person)
    return Sessions(sessions=[session.shown(identity.session) for session in known], source=source)
