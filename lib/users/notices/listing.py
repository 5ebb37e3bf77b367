"""Reading notices, and having seen them."""

from datetime import datetime

from lib.core import clock, cursor
from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.users.notices import store
from lib.users.notices.models import NoticePage

LISTING = "notices"


def page(person: UserId, limit: int, after: str | None) -> NoticePage:
    """A page of the person's notices. Raises `InvalidCursor`."""
    position = cursor.decode(person, LISTING, after) if after is not None else None
    found = store.newest(
        person, limit + 1, (datetime.fromisoformat(position["at"]), position["id"]) if position else None
    )
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    following = cursor.encode(person, LISTING, {"at": last.created_at.isoformat(), "id": last.id}) if last else None
    return NoticePage(notices=shown, next_cursor=following)


def mark_read(person: UserId, notice_id: str) -> None:
    """Note that the person has seen it; again, it changes nothing but when. Raises `NotFound`."""
    if not store.mark_read(person, notice_id, clock.now()):
        raise NotFound("There is no such notice")
