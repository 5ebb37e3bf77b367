"""Signing a person out of where they are signed in: at Clerk, since its word is what counts.

Tokens that Clerk has made for a session are good for up to a minute after its end.
"""

from lib.audit import recording
from lib.audit.models import Action
from lib.core.errors import NotFound
from lib.core.identity import Identity
from lib.users.clerk import sessions as clerk
from lib.users.sessions import store
from lib.users.sessions.models import EndedSessions

PURPOSE = "asked for by the person"


def end(identity: Identity, session_id: str) -> None:
    """End a session of the person's; one that is over already stays so.

    Raises `NotFound` for what is not theirs, `ProviderFailed`, `Unavailable`, `DeadlineExceeded`.
    """
    if clerk.one_of(identity.person, session_id).is_live:
        _revoke(identity, session_id)
    store.end(identity.person, session_id)


def end_others(identity: Identity) -> EndedSessions:
    """End all sessions of the person's but the one that asks. A failure leaves the rest for the next attempt.

    Raises `ProviderFailed`, `Unavailable`, `DeadlineExceeded`.
    """
    others = [session.id for session in clerk.active(identity.person) if session.id != identity.session]
    for session_id in others:
        _revoke(identity, session_id)
        store.end(identity.person, session_id)
    return EndedSessions(ended=len(others))


def _revoke(identity: Identity, session_id: str) -> None:
    """End a session at Clerk, on record; one that Clerk knows no more is over."""
    try:
        clerk.revoke(session_id)
    except NotFound:
        return
    except Exception as error:
        _record(identity, f"failed: {type(error).__name__}")
        raise
    _record(identity, "ended")


def _record(identity: Identity, outcome: str) -> None:
    recording.record(identity.person, Action.END_SESSION, identity.caller, PURPOSE, outcome)
