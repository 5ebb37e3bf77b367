"""How people begin, change and end: by what Clerk announces, at least once and in any order."""

from lib.core import telemetry
from lib.core.environment import own_service_account
from lib.core.store import AlreadyExists, UserId
from lib.lifecycle import deletion
from lib.usage.deletion import is_deleted
from lib.users import store
from lib.users.models import ClerkEvent


def apply(event: ClerkEvent) -> None:
    """Bring the person to what the event says, unless something newer is known. Any repetition changes nothing.

    Raises Google's API errors when a deletion could not be begun, for the event to be delivered again.
    """
    user = UserId(event.data.id)
    if event.type == "user.deleted":
        deletion.begin(user, own_service_account(), "Clerk deleted the person")
    elif not is_deleted(user):
        _upsert(user, event)
        # A deletion that came in between left its mark before it erased, so that one of the two sees the other.
        if is_deleted(user):
            store.erase(user)


def _upsert(user: UserId, event: ClerkEvent) -> None:
    profile = {
        "email": event.data.primary_email,
        "given_name": event.data.first_name,
        "family_name": event.data.last_name,
    }
    while True:
        snapshot = store.read(user)
        if snapshot is None:
            try:
                store.create(user, profile, event.data.updated_at)
            except AlreadyExists:
                continue
            return
        if store.clerk_updated_at(snapshot) >= event.data.updated_at:
            telemetry.info("older event about a user ignored")
            return
        if store.update_profile(snapshot, profile, event.data.updated_at):
            return
