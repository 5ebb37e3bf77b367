"""The log of runs in Firestore: claims, chunks of events, and how a run ended. The one asynchronous store.

users/{uid}/runs/{run}                       a `Run`; while it is claimed, written by the holder of the claim only
users/{uid}/runs/{run}/chunks/{epoch}-{n}    events in a row; created, never changed

A claim is taken, renewed and ended by compare-and-set on the run's update time, so that a holder who lost it writes
nothing more there; chunks carry the epoch of their claim, so that what a late holder still creates is read by nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists, FailedPrecondition
from google.cloud import firestore

from lib.chat.models import Message, Run, RunState
from lib.core import clock
from lib.core.environment import project
from lib.core.store import UserId

SCHEMA_VERSION = 1
LEASE = timedelta(seconds=15)
CHUNKS_KEPT = timedelta(days=2)


class ClaimLost(Exception):
    """Somebody else has the run now."""


@dataclass(frozen=True)
class Stored:
    """A run as it was read, and when it was written last."""

    run: Run
    updated_at: Any


@dataclass(frozen=True)
class Chunk:
    """Lines in a row; `first` is the number of the first."""

    first: int
    lines: list[str]


class RunLog:
    """The log, over one client for as long as the process lives."""

    def __init__(self) -> None:
        self._client = firestore.AsyncClient(project=project())

    async def read(self, user: UserId, run_id: str) -> Stored | None:
        """A run."""
        snapshot = await self._run(user, run_id).get()
        if not snapshot.exists:
            return None
        return Stored(Run.model_validate(snapshot.to_dict()), snapshot.update_time)

    async def latest_run(self, user: UserId, conversation_id: str) -> str | None:
        """The run of a conversation's newest question; None also if there is no such conversation."""
        reference = self._client.document("users", user, "conversations", conversation_id)
        stored: dict[str, Any] = (await reference.get()).to_dict() or {}
        return stored.get("latest_run")

    async def claim(self, user: UserId, stored: Stored, instance: str) -> Stored | None:
        """The run, ours for the length of the lease; None if somebody was quicker."""
        changes = {
            "state": RunState.RUNNING,
            "epoch": stored.run.epoch + 1,
            "instance": instance,
            "lease_until": clock.now() + LEASE,
        }
        return await self._changed(user, stored, changes)

    async def append(self, user: UserId, held: Stored, chunk: Chunk, *, renew: bool) -> Stored:
        """Keep a chunk; renewing the lease in the same commit, if wished. Raises `ClaimLost`."""
        batch = self._client.batch()
        self._create(batch, user, held.run, chunk)
        changes = {"lease_until": clock.now() + LEASE, "has_text": True}
        if renew:
            self._update(batch, user, held, changes)
        results = await self._commit(batch)
        return _renewed(held, changes, results[-1].update_time) if renew else held

    async def renew(self, user: UserId, held: Stored) -> Stored:
        """Keep the run for longer. Raises `ClaimLost`."""
        renewed = await self._changed(user, held, {"lease_until": clock.now() + LEASE})
        if renewed is None:
            raise ClaimLost
        return renewed

    async def finish(
        self, user: UserId, held: Stored, chunk: Chunk | None, state: RunState, answer: Message, error: str | None
    ) -> None:
        """Keep the last chunk, the answer and how the run ended, in one commit. Raises `ClaimLost`."""
        batch = self._client.batch()
        if chunk is not None:
            self._create(batch, user, held.run, chunk)
        conversation = self._client.document("users", user, "conversations", held.run.conversation_id)
        message = conversation.collection("messages").document(answer.id)
        batch.set(message, answer.model_dump() | {"schema_version": SCHEMA_VERSION})
        self._update(batch, user, held, {"state": state, "lease_until": None, "has_text": True, "error": error})
        await self._commit(batch)

    async def chunks(self, user: UserId, run: Run, after: int) -> list[Chunk]:
        """The chunks of the run's epoch that hold lines beyond a number, in order."""
        query = (
            self._run(user, run.id)
            .collection("chunks")
            .where(filter=firestore.FieldFilter("epoch", "==", run.epoch))
            .where(filter=firestore.FieldFilter("last", ">", after))
            .order_by("last")
        )
        found = [snapshot.to_dict() or {} async for snapshot in query.stream()]
        return [Chunk(stored["first"], stored["lines"]) for stored in found]

    async def message(self, user: UserId, run: Run) -> Message | None:
        """The run's answer, when the run is over."""
        reference = self._client.document(
            "users", user, "conversations", run.conversation_id, "messages", run.answer_id
        )
        stored = (await reference.get()).to_dict()
        return Message.model_validate(stored) if stored else None

    async def _changed(self, user: UserId, stored: Stored, changes: dict[str, Any]) -> Stored | None:
        batch = self._client.batch()
        self._update(batch, user, stored, changes)
        try:
            results = await batch.commit()
        except FailedPrecondition:
            return None
        return _renewed(stored, changes, results[-1].update_time)

    async def _commit(self, batch: Any) -> Sequence[Any]:
        try:
            results: Sequence[Any] = await batch.commit()
        except (FailedPrecondition, AlreadyExists):
            raise ClaimLost from None
        return results

    def _create(self, batch: Any, user: UserId, run: Run, chunk: Chunk) -> None:
        name = f"{run.epoch:06d}-{chunk.first:08d}"
        fields = {
            "schema_version": SCHEMA_VERSION,
            "epoch": run.epoch,
            "first": chunk.first,
            "last": chunk.first + len(chunk.lines) - 1,
            "lines": chunk.lines,
            "expires_at": clock.now() + CHUNKS_KEPT,
        }
        batch.create(self._run(user, run.id).collection("chunks").document(name), fields)

    def _update(self, batch: Any, user: UserId, stored: Stored, changes: dict[str, Any]) -> None:
        option = self._client.write_option(last_update_time=stored.updated_at)
        batch.update(self._run(user, stored.run.id), changes, option=option)

    def _run(self, user: UserId, run_id: str) -> Any:
        return self._client.document("users", user, "runs", run_id)


def lease_is_over(run: Run, now: datetime) -> bool:
    """Whether nobody produces the run any more, although it is not over."""
    return run.state is RunState.RUNNING and (run.lease_until is None or run.lease_until <= now)


def _renewed(stored: Stored, changes: dict[str, Any], updated_at: Any) -> Stored:
    return Stored(stored.run.model_copy(update=changes), updated_at)
