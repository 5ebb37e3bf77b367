"""Telling a person of something, as they want it."""

from lib.core import clock, ids
from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.users import profile
from lib.users.notices import store
from lib.users.notices.models import About, Notice
from lib.users.notifications import Channel, Kind, channels


def tell(person: UserId, kind: Kind, about: About, subject: str) -> None:
    """Tell of it in the app, once, unless the person does not want to be told of this kind, or has gone."""
    now = clock.now()
    try:
        wanted = channels(profile.read_preferences(person), kind, now)
    except NotFound:
        return
    if Channel.IN_APP in wanted:
        notice = Notice(id=ids.stable("ntc", person, about, subject), about=about, subject=subject, created_at=now)
        store.create(person, notice)
