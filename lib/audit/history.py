"""A person's log as they read it."""

from datetime import datetime

from lib.audit import models, store
from lib.audit.models import AuditPage
from lib.core import cursor
from lib.core.store import UserId

LISTING = "audit"


def page(person: UserId, limit: int, after: str | None) -> AuditPage:
    """A page of the entries, newest first. Raises `InvalidCursor`."""
    position = cursor.decode(person, LISTING, after) if after is not None else None
    found = store.page(
        models.of(person),
        limit + 1,
        (datetime.fromisoformat(position["at"]), position["id"]) if position else None,
    )
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return AuditPage(
        entries=shown,
        next_cursor=cursor.encode(person, LISTING, {"at": last.at.isoformat(), "id": last.id}) if last else None,
    )
