"""Notices in Firestore.

users/{uid}/notices/{notice}     a `Notice`; forgotten after some months
"""

from datetime import datetime, timedelta
from typing import Any

from google.cloud import firestore

from lib.core.store import AlreadyExists, NotFound, UserId, person
from lib.users.notices.models import Notice

SCHEMA_VERSION = 1
KEPT = timedelta(days=90)


def create(user: UserId, notice: Notice) -> bool:
    """Keep a notice; False if it was kept before."""
    document = notice.model_dump() | {"schema_version": SCHEMA_VERSION, "expires_at": notice.created_at + KEPT}
    try:
        _notice(user, notice.id).create(document)
    except AlreadyExists:
        return False
    return True


def newest(user: UserId, limit: int, after: tuple[datetime, str] | None) -> list[Notice]:
    """Notices from the newest on, after a position: time and id."""
    query = (
        person(user)
        .collection("notices")
        .order_by("created_at", direction=firestore.Query.DESCENDING)
        .order_by("id", direction=firestore.Query.DESCENDING)
        .limit(limit)
    )
    if after is not None:
        query = query.start_after({"created_at": after[0], "id": after[1]})
    return [Notice.model_validate(snapshot.to_dict()) for snapshot in query.stream()]


def mark_read(user: UserId, notice_id: str, now: datetime) -> bool:
    """Keep that it was seen; False if there is no such notice."""
    try:
        _notice(user, notice_id).update({"read_at": now})
    except NotFound:
        return False
    return True


def _notice(user: UserId, notice_id: str) -> Any:
    return person(user).collection("notices").document(notice_id)
