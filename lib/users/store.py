"""People in Firestore: `users/{uid}` with profile and preferences."""

from typing import Any

from lib.core import clock, idempotency
from lib.core.store import (
    FailedPrecondition,
    Global,
    Snapshot,
    UserId,
    client,
    compare_and_set,
    global_document,
    person,
)
from lib.core.telemetry import person_hash
from lib.users.models import Preferences, Profile

SCHEMA_VERSION = 1


def profile(user: UserId) -> Profile | None:
    """The person's profile; None for somebody who does not exist."""
    stored = person(user).get().to_dict()
    return Profile.model_validate(stored["profile"] | {"id": user}) if stored else None


def preferences(user: UserId) -> Preferences | None:
    """The person's preferences; None for somebody who does not exist."""
    snapshot = read(user)
    return stored_preferences(snapshot) if snapshot else None


def read(user: UserId) -> Snapshot | None:
    """The person's document, for a change that must not overwrite another."""
    snapshot = person(user).get()
    return snapshot if snapshot.exists else None


def stored_preferences(snapshot: Snapshot) -> Preferences:
    """The preferences in a person's document."""
    return Preferences.model_validate((snapshot.to_dict() or {}).get("preferences", {}))


def change_preferences(snapshot: Snapshot, preferences: Preferences) -> bool:
    """Replace the preferences; False if the document was changed since it was read."""
    batch = client().batch()
    compare_and_set(snapshot, {"preferences": preferences.model_dump()}, batch)
    try:
        idempotency.commit(batch, preferences)
    except FailedPrecondition:
        return False
    return True


def create(user: UserId, profile: dict[str, Any], clerk_updated_at: int) -> None:
    """Create the person and the name that stands for them in logs. Raises `AlreadyExists`."""
    batch = client().batch()
    batch.create(
        person(user),
        {
            "schema_version": SCHEMA_VERSION,
            "profile": profile | {"created_at": clock.now()},
            "preferences": Preferences().model_dump(),
            "clerk_updated_at": clerk_updated_at,
        },
    )
    hashed = global_document(Global.PERSON_HASHES, person_hash(user))
    batch.set(hashed, {"schema_version": SCHEMA_VERSION, "person": user})
    batch.commit()


def update_profile(snapshot: Snapshot, profile: dict[str, Any], clerk_updated_at: int) -> bool:
    """Replace what Clerk knows; False if the document was changed since it was read."""
    created_at = (snapshot.to_dict() or {})["profile"]["created_at"]
    changes = {"profile": profile | {"created_at": created_at}, "clerk_updated_at": clerk_updated_at}
    return compare_and_set(snapshot, changes)


def clerk_updated_at(snapshot: Snapshot) -> int:
    """How recent what we know from Clerk is, in Clerk's milliseconds."""
    return int((snapshot.to_dict() or {}).get("clerk_updated_at", 0))


def erase(user: UserId) -> None:
    """Delete the person's own document and the name that stands for them in logs."""
    global_document(Global.PERSON_HASHES, person_hash(user)).delete()
    person(user).delete()
