"""Requests that carry an Idempotency-Key take effect once, however often they are sent.

A claim is created before the work and completed together with it: a room commits its writes by `commit`, which adds
the claim's result to the same batch, so that there is no moment in which one is stored without the other.
"""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud import firestore
from pydantic import BaseModel

from lib.core import clock
from lib.core.errors import IdempotencyKeyReused, InvalidRequest, RequestInProgress
from lib.core.store import AlreadyExists, UserId, compare_and_set, person

LEASE = timedelta(seconds=60)
KEPT = timedelta(days=1)
MAXIMUM_KEY_CHARACTERS = 255


@dataclass
class Claim:
    """A request that this process works on under its key."""

    reference: firestore.DocumentReference
    request_hash: str
    completed: bool = False


@dataclass(frozen=True)
class Replay:
    """The stored answer of a request that was done before."""

    status: int
    body: Any


_claim: ContextVar[Claim | None] = ContextVar("idempotency_claim", default=None)


def begin(user: UserId, route: str, key: str, target: str, body: bytes) -> Claim | Replay:
    """Claim the key for this request, or find what it led to before; `target` is its path with its query.

    Raises `RequestInProgress` while another process holds the claim, and `IdempotencyKeyReused` if the key came with
    another target or body.
    """
    if not 1 <= len(key) <= MAXIMUM_KEY_CHARACTERS:
        raise InvalidRequest(f"Idempotency-Key has to be 1 to {MAXIMUM_KEY_CHARACTERS} characters long")
    name = hashlib.sha256(f"{route}\x1f{key}".encode()).hexdigest()
    reference = person(user).collection("idempotency_claims").document(name)
    claim = Claim(reference, hashlib.sha256(target.encode() + b"\x1f" + body).hexdigest())
    try:
        reference.create(_fresh(claim))
    except AlreadyExists:
        earlier = _earlier(claim)
        if earlier is not None:
            return earlier
    _claim.set(claim)
    return claim


def commit(batch: firestore.WriteBatch, result: BaseModel, status: int = 200) -> None:
    """Commit a room's writes, and the current claim's result with them.

    Raises what Firestore raises; then neither is stored.
    """
    claim = _claim.get()
    if claim is not None and not claim.completed:
        batch.update(claim.reference, _completion(status, result.model_dump(mode="json")))
    batch.commit()
    if claim is not None:
        claim.completed = True


def finish(claim: Claim, status: int, body: Any) -> None:
    """Complete a claim whose handler had nothing to commit."""
    _claim.set(None)
    if not claim.completed:
        claim.reference.update(_completion(status, body))


def abandon(claim: Claim) -> None:
    """Give the key back after a failure, so that the caller may try again."""
    _claim.set(None)
    if not claim.completed:
        claim.reference.delete()


def _fresh(claim: Claim) -> dict[str, Any]:
    now = clock.now()
    return {
        "schema_version": 1,
        "state": "running",
        "request_hash": claim.request_hash,
        "lease_until": now + LEASE,
        "expires_at": now + KEPT,
    }


def _completion(status: int, body: Any) -> dict[str, Any]:
    return {"state": "done", "status": status, "body": body}


def _earlier(claim: Claim) -> Replay | None:
    """What an earlier claim says; None if it was left behind and is ours now."""
    snapshot = claim.reference.get()
    if not snapshot.exists:
        raise RequestInProgress()
    stored: dict[str, Any] = snapshot.to_dict() or {}
    expired = stored["expires_at"] <= clock.now()
    if not expired and stored["request_hash"] != claim.request_hash:
        raise IdempotencyKeyReused()
    if not expired and stored["state"] == "done":
        return Replay(stored["status"], stored["body"])
    if not expired and stored["lease_until"] > clock.now():
        raise RequestInProgress()
    if not compare_and_set(snapshot, _fresh(claim)):
        raise RequestInProgress()
    return None
