"""Sessions in Firestore, as Clerk announced them.

users/{uid}/sessions/{sid}     is_live, expires_at; of a live one also session: a `ClerkSession`

What is over stays on as a mark, so that an event which comes late does not bring it back.
"""

from datetime import timedelta
from typing import Any

from google.cloud import firestore

from lib.core import clock
from lib.core.store import AlreadyExists, NotFound, Snapshot, UserId, compare_and_set, person
from lib.users.sessions.models import ClerkSession, instant

SCHEMA_VERSION = 1
ENDS_KEPT = timedelta(days=30)
"""Longer than Svix tries (https://docs.svix.com/retries) and Pub/Sub keeps what it could not deliver."""
MOST_SHOWN = 500


def live(user: UserId) -> list[ClerkSession]:
    """The sessions that were announced and neither ended nor ran out, the newest first."""
    query = (
        person(user).collection("sessions").where(filter=firestore.FieldFilter("is_live", "==", True)).limit(MOST_SHOWN)
    )
    known = [ClerkSession.model_validate((snapshot.to_dict() or {})["session"]) for snapshot in query.stream()]
    now = clock.now()
    current = [session for session in known if instant(session.expire_at) > now]
    return sorted(current, key=lambda session: session.created_at, reverse=True)


def keep(session: ClerkSession) -> bool:
    """Keep what is newly known of a live session; False if something newer is known, or that it is over."""
    reference = _document(UserId(session.user_id), session.id)
    while True:
        snapshot = reference.get()
        try:
            if not snapshot.exists:
                reference.create(_live(session))
                return True
            if not _is_newer(session, snapshot):
                return False
            if compare_and_set(snapshot, _live(session)):
                return True
        except (AlreadyExists, NotFound):
            continue


def end(user: UserId, session_id: str) -> None:
    """Keep that a session is over, whether or not it was known; again, it changes nothing."""
    reference = _document(user, session_id)
    if (reference.get().to_dict() or {}).get("is_live") is not False:
        reference.set({"schema_version": SCHEMA_VERSION, "is_live": False, "expires_at": clock.now() + ENDS_KEPT})


def forget(user: UserId, session_id: str) -> None:
    """Delete what is known of a session."""
    _document(user, session_id).delete()


def _is_newer(session: ClerkSession, snapshot: Snapshot) -> bool:
    stored: dict[str, Any] = snapshot.to_dict() or {}
    return bool(stored["is_live"]) and session.updated_at > stored["session"]["updated_at"]


def _live(session: ClerkSession) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "is_live": True,
        "session": session.model_dump(),
        "expires_at": instant(session.expire_at) + ENDS_KEPT,
    }


def _document(user: UserId, session_id: str) -> firestore.DocumentReference:
    document: firestore.DocumentReference = person(user).collection("sessions").document(session_id)
    return document
