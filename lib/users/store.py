"""People in Firestore: `users/{uid}` with profile and preferences."""

from typing import Any

from google.cloud import firestore

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
from lib.users import chosen
from lib.users.models import Profile
from lib.users.preferences import Preferences

SCHEMA_VERSION = 1


def profile(user: UserId) -> Profile | None:
    """The person's profile; None for somebody who does not exist."""
    stored = person(user).get().to_dict()
    return Profile.model_validate(stored["profile"] | {"id": user}) if stored else None


def preferences(user: UserId) -> Preferences | None:
    """The person's preferences; None for somebody who does not exist."""
    snapshot = read(user)
    return chosen.preferences(chosen_preferences(snapshot)) if snapshot else None


def read(user: UserId) -> Snapshot | None:
    """The person's document, for a change that must not overwrite another."""
    snapshot = person(user).get()
    return snapshot if snapshot.exists else None


def chosen_preferences(snapshot: Snapshot) -> chosen.Chosen:
    """What the person chose, as a person's document says."""
    return chosen.stored(snapshot.to_dict() or {})


def change_preferences(snapshot: Snapshot, wishes: chosen.Chosen, preferences: Preferences) -> bool:
    """Replace what was chosen; False if the document was changed since it was read.

    `preferences` are what these wishes come to, which is the answer to the request at hand.
    """
    batch = client().batch()
    changes = {"schema_version": chosen.SCHEMA_VERSION, "preferences": wishes}
    compare_and_set(snapshot, changes, batch)
    try:
        idempotency.commit(batch, preferences)
    except FailedPrecondition:
        return False
    return True


def wanting_retention() -> set[UserId]:
    """Everybody who has something deleted after a time."""
    people = client().collection("users")
    of_conversations = people.where(
        filter=firestore.FieldFilter("preferences.privacy.retention_days.conversations", ">", 0)
    )
    of_usage_events = people.where(
        filter=firestore.FieldFilter("preferences.privacy.retention_days.usage_events", ">", 0)
    )
    return {UserId(found.id) for found in (*of_conversations.stream(), *of_usage_events.stream())}


def create(user: UserId, profile: dict[str, Any], clerk_updated_at: int) -> None:
    """Create the person and the name that stands for them in logs. Raises `AlreadyExists`."""
    batch = client().batch()
    batch.create(
        person(user),
        {
            "schema_version": chosen.SCHEMA_VERSION,
            "profile": profile | {"created_at": clock.now()},
            "preferences": {},
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
