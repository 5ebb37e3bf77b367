"""Requests that carry an Idempotency-Key take effect once, however often they are sent.

A claim is created before the work. Where a repetition would do harm, the room commits its writes by `commit`, which
adds the claim's answer to the same batch, so that there is no moment in which one is stored without the other. Other
work may be repeated; its claim is completed once the answer is known. A claim whose lease ran out is taken over, and
from then on the earlier holder can neither complete it nor give it back.
"""

import hashlib
import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore
from pydantic import BaseModel

from lib.core import clock, telemetry
from lib.core.errors import IdempotencyKeyReused, InvalidRequest, RequestInProgress
from lib.core.store import AlreadyExists, FailedPrecondition, NotFound, UserId, person

LEASE = timedelta(seconds=60)
KEPT = timedelta(days=1)
MAXIMUM_KEY_CHARACTERS = 255


@dataclass
class Claim:
    """A request that this process works on under its key; `status` is what its route usually answers.

    It is held for as long as its document was last written at `held_since`.
    """

    reference: firestore.DocumentReference
    request_hash: str
    status: int
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    held_since: Any = None
    completed: bool = False

    def while_held(self) -> Any:
        """The condition under which its document may be written."""
        return firestore.Client.write_option(last_update_time=self.held_since)


@dataclass(frozen=True)
class Replay:
    """The stored answer of a request that was done before."""

    status: int
    body: Any


_claim: ContextVar[Claim | None] = ContextVar("idempotency_claim", default=None)


def begin(user: UserId, route: str, key: str, target: str, body: bytes, status: int = 200) -> Claim | Replay:
    """Claim the key for this request, or find what it led to before.

    `target` is its path with its query, `status` what the route usually answers.

    Raises `RequestInProgress` while another process holds the claim, and `IdempotencyKeyReused` if the key came with
    another target or body.
    """
    if not 1 <= len(key) <= MAXIMUM_KEY_CHARACTERS:
        raise InvalidRequest(f"Idempotency-Key has to be 1 to {MAXIMUM_KEY_CHARACTERS} characters long")
    name = hashlib.sha256(f"{route}\x1f{key}".encode()).hexdigest()
    reference = person(user).collection("idempotency_claims").document(name)
    claim = Claim(reference, hashlib.sha256(target.encode() + b"\x1f" + body).hexdigest(), status)
    try:
        claim.held_since = reference.create(_fresh(claim)).update_time
    except AlreadyExists:
        earlier = _earlier(claim)
        if earlier is not None:
            return earlier
    _claim.set(claim)
    return claim


def commit(batch: firestore.WriteBatch, result: BaseModel) -> None:
    """Commit a room's writes, and with them the result as the answer to the request at hand if it came with a key.

    Raises `RequestInProgress` if somebody took the request over, and what Firestore raises: neither is stored then.
    """
    claim = _claim.get()
    if claim is None or claim.completed:
        batch.commit()
        return
    completion = _completion(claim.status, result.model_dump(mode="json", by_alias=True))
    batch.update(claim.reference, completion, option=claim.while_held())
    try:
        batch.commit()
    except (FailedPrecondition, NotFound):
        if not _was_committed(claim):
            raise
    claim.completed = True


def finish(claim: Claim, status: int, body: Any) -> None:
    """Complete a claim whose handler did not. Should that fail, the answer stands, since the work is done."""
    _claim.set(None)
    if claim.completed:
        return
    try:
        claim.reference.update(_completion(status, body), option=claim.while_held())
    except (GoogleAPICallError, RetryError) as error:
        telemetry.warning("claim of a request not completed", exception=type(error).__name__)


def abandon(claim: Claim) -> None:
    """Give the key back after a failure, so that the caller may try again; otherwise its lease ends by itself."""
    _claim.set(None)
    if claim.completed:
        return
    try:
        claim.reference.delete(option=claim.while_held())
    except (GoogleAPICallError, RetryError) as error:
        telemetry.warning("claim of a request not given back", exception=type(error).__name__)


def _fresh(claim: Claim) -> dict[str, Any]:
    now = clock.now()
    return {
        "schema_version": 1,
        "state": "running",
        "request_hash": claim.request_hash,
        "owner": claim.owner,
        "lease_until": now + LEASE,
        "expires_at": now + KEPT,
    }


def _completion(status: int, body: Any) -> dict[str, Any]:
    return {"state": "done", "status": status, "body": body}


def _was_committed(claim: Claim) -> bool:
    """Whether a commit that was refused had succeeded the moment before, so that only its answer was lost.

    Raises `RequestInProgress` if the claim is no longer ours; False means that the refusal was another write's.
    """
    stored: dict[str, Any] = claim.reference.get().to_dict() or {}
    if stored.get("owner") != claim.owner:
        raise RequestInProgress()
    return bool(stored["state"] == "done")


def _earlier(claim: Claim) -> Replay | None:
    """What an earlier claim says; None if it was left behind and is ours now."""
    snapshot = claim.reference.get()
    if not snapshot.exists:
        raise RequestInProgress()
    stored: dict[str, Any] = snapshot.to_dict() or {}
    if stored.get("owner") == claim.owner:
        # Only the answer to our own creation was lost.
        claim.held_since = snapshot.update_time
        return None
    expired = stored["expires_at"] <= clock.now()
    if not expired and stored["request_hash"] != claim.request_hash:
        raise IdempotencyKeyReused()
    if not expired and stored["state"] == "done":
        return Replay(stored["status"], stored["body"])
    if not expired and stored["lease_until"] > clock.now():
        raise RequestInProgress()
    claim.held_since = snapshot.update_time
    try:
        claim.held_since = claim.reference.update(_fresh(claim), option=claim.while_held()).update_time
    except (FailedPrecondition, NotFound):
        raise RequestInProgress() from None
    return None
