"""What Briefly keeps of a person, to be compared before and after."""

from typing import Any

from lib.core.store import Database, UserId, person
from lib.core.telemetry import person_hash

COUNTED_ASIDE = ("rate_windows", "usage_events", "usage_days", "signed_requests", "idempotency_claims", "sessions")
"""What every request leaves, whatever becomes of it, and what Clerk announces when the person signs in for it."""


def everything(user: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every document under the person, in the vault as well, by its path; but for some collections."""
    found: dict[str, Any] = {}
    for database in (Database.DEFAULT, Database.VAULT):
        root = person(UserId(user), database)
        own = root.get()
        found |= {root.path: own.to_dict()} if own.exists else {}
        for collection in root.collections():
            if collection.id not in without:
                found |= {below.reference.path: below.to_dict() for below in collection.recursive().stream()}
    return found


def content(user: str) -> dict[str, Any]:
    """What the person or somebody for them has written: everything but what is counted aside."""
    return everything(user, without=COUNTED_ASIDE)


def audit_entries(user: str) -> list[dict[str, Any]]:
    """The audit log's entries about somebody, in order."""
    log = person(UserId(person_hash(user)), Database.AUDIT).collection("audit_entries")
    return [entry.to_dict() or {} for entry in log.stream()]
