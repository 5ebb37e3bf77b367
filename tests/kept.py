"""What Briefly keeps of a person, to be compared before and after."""

from typing import Any

from lib.core.store import UserId, person

COUNTED_ASIDE = ("rate_windows", "usage_events", "usage_days", "signed_requests", "idempotency_claims")
"""What every request leaves, whatever becomes of it."""


def everything(user: str) -> dict[str, Any]:
    """Every document under the person in the default database, by its path."""
    root = person(UserId(user))
    own = root.get()
    found: dict[str, Any] = {root.path: own.to_dict()} if own.exists else {}
    _collect(root, found)
    return found


def content(user: str) -> dict[str, Any]:
    """What the person or somebody for them has written: everything but what is counted aside."""
    aside = tuple(f"{person(UserId(user)).path}/{collection}/" for collection in COUNTED_ASIDE)
    return {path: document for path, document in everything(user).items() if not path.startswith(aside)}


def _collect(parent: Any, found: dict[str, Any]) -> None:
    for collection in parent.collections():
        for reference in collection.list_documents():
            snapshot = reference.get()
            if snapshot.exists:
                found[reference.path] = snapshot.to_dict()
            _collect(reference, found)
