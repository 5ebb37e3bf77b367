"""The log of runs in Firestore: claims, chunks of lines, and how a run ended. The one asynchronous store.

users/{uid}/runs/{run}                           a `Run`; while it is claimed, written by the holder of the claim only
users/{uid}/runs/{run}/chunks/{epoch}-{first}    lines in a row; created, never changed

A claim is taken, renewed and ended by compare-and-set on the run's update time, so that a holder who lost it writes
nothing more there. A chunk's name says what it begins with, so that of two who would go on from the same line only one
can: whoever ends a run for a lost holder creates the empty chunk with which that holder would go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
)
from google.cloud import firestore

from lib.chat.models import Message, Run, RunState, Work
from lib.core import clock
from lib.core.environment import project
from lib.core.store import UserId

SCHEMA_VERSION = 1
LEASE = timedelta(seconds=15)
CHUNKS_KEPT = timedelta(days=2)
COMMIT_SECONDS = 4.0
PAUSES_SECONDS = (0.1, 0.4, 1.0)
_PASSING = (Aborted, DeadlineExceeded, InternalServerError, ServiceUnavailable)


class ClaimLost(Exception):
    """Somebody else has the run now, or it is gone."""


@dataclass(frozen=True)
class Stored:
    """A run as it was read, and when it was written last."""

    run: Run
    updated_at: Any


@dataclass(frozen=True)
class Chunk:
    """Lines of an epoch in a row; `first` is the number of the first."""

    epoch: int
    first: int
    lines: list[str]

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + len(self.lines) - 1


@dataclass(frozen=True)
class Ending:
    """How a run ended, and the answer that stays."""

    state: RunState
    answer: Message
    error: str | None = None


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
        try:
            return await self._change(user, stored, changes)
        except ClaimLost:
            return None

    async def renew(self, user: UserId, held: Stored) -> Stored:
        """Keep the run for longer. Raises `ClaimLost`."""
        return await self._change(user, held, {"lease_until": clock.now() + LEASE})

    async def append(self, user: UserId, held: Stored, chunk: Chunk) -> None:
        """Keep a chunk. Raises `ClaimLost` when somebody else went on from the line before."""
        batch = self._client.batch()
        self._create(batch, user, held.run.id, chunk)
        await self._commit(batch, lambda: self._landed(user, held.run.id, chunk))

    async def append_and_renew(self, user: UserId, held: Stored, chunk: Chunk, work: Work) -> Stored:
        """Keep a chunk of a run that has text, and the run for longer, in one commit. Raises `ClaimLost`."""
        batch = self._client.batch()
        self._create(batch, user, held.run.id, chunk)
        changes = {"lease_until": clock.now() + LEASE, "has_text": True, "work": work.model_dump()}
        self._update(batch, user, held, changes)
        updated_at = await self._commit(batch, lambda: self._landed(user, held.run.id, chunk))
        return Stored(held.run.model_copy(update=changes | {"work": work}), updated_at)

    async def finish(self, user: UserId, held: Stored, chunk: Chunk, ending: Ending) -> None:
        """Keep the last chunk, the answer and how the run ended, in one commit. Raises `ClaimLost`."""
        batch = self._client.batch()
        self._create(batch, user, held.run.id, chunk)
        self._end(batch, user, held, chunk, ending)
        await self._commit(batch, lambda: self._landed(user, held.run.id, chunk))

    async def finish_for_lost(self, user: UserId, lost: Stored, kept: int, closing: list[str], ending: Ending) -> None:
        """End a run whose holder is lost, after the lines that are kept, and keep the holder from going on.

        The closing lines begin an epoch of their own: readers on the lost instance may have read further than what is
        kept, and must not take the end for something that they have read. Raises `ClaimLost` if the holder went on.
        """
        batch = self._client.batch()
        self._create(batch, user, lost.run.id, Chunk(lost.run.epoch, kept + 1, []))
        chunk = Chunk(lost.run.epoch + 1, 1, closing)
        self._create(batch, user, lost.run.id, chunk)
        self._end(batch, user, lost, chunk, ending)
        await self._commit(batch, lambda: self._landed(user, lost.run.id, chunk))

    async def chunks(self, user: UserId, run_id: str, epoch: int, line: int) -> list[Chunk]:
        """The chunks that hold lines beyond a line of an epoch, in order."""
        query = (
            self._run(user, run_id)
            .collection("chunks")
            .where(filter=firestore.FieldFilter("end", ">", _end_of(epoch, line)))
            .order_by("end")
        )
        found = [snapshot.to_dict() or {} async for snapshot in query.stream()]
        return [Chunk(stored["epoch"], stored["first"], _lines(stored["text"])) for stored in found]

    async def message(self, user: UserId, run: Run) -> Message | None:
        """The run's answer, when the run is over."""
        stored = (await self._answer(user, run).get()).to_dict()
        return Message.model_validate(stored) if stored else None

    async def forget_deleted(self, user: UserId, run_id: str) -> None:
        """Delete the chunks of a run that is gone itself: its holder may have kept some while it was deleted."""
        if await self.read(user, run_id) is None:
            async for snapshot in self._run(user, run_id).collection("chunks").select([]).stream():
                await snapshot.reference.delete()

    async def _change(self, user: UserId, stored: Stored, changes: dict[str, Any]) -> Stored:
        batch = self._client.batch()
        self._update(batch, user, stored, changes)
        changed = stored.run.model_copy(update=changes)

        async def landed() -> Any | None:
            present = await self.read(user, stored.run.id)
            return present.updated_at if present is not None and present.run == changed else None

        return Stored(changed, await self._commit(batch, landed))

    async def _commit(self, batch: Any, landed: Callable[[], Awaitable[Any | None]]) -> Any:
        """Commit, again when it failed in passing; `landed` tells the time if an earlier try did arrive after all.

        Returns when the batch's last document was written.
        """
        for pause in (*PAUSES_SECONDS, None):
            try:
                results = await batch.commit(retry=None, timeout=COMMIT_SECONDS)
            except (FailedPrecondition, AlreadyExists, NotFound):
                written_at = await landed()
                if written_at is None:
                    raise ClaimLost from None
                return written_at
            except _PASSING:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return results[-1].update_time
        raise AssertionError("the last try returns or raises")

    async def _landed(self, user: UserId, run_id: str, chunk: Chunk) -> Any | None:
        """When the run was written last, if the chunk that is there is this one."""
        stored = (await self._chunk(user, run_id, chunk).get()).to_dict()
        if stored is None or stored["text"] != _text(chunk):
            return None
        present = await self.read(user, run_id)
        return present.updated_at if present is not None else None

    def _create(self, batch: Any, user: UserId, run_id: str, chunk: Chunk) -> None:
        fields = {
            "schema_version": SCHEMA_VERSION,
            "epoch": chunk.epoch,
            "first": chunk.first,
            "end": _end_of(chunk.epoch, chunk.last),
            "text": _text(chunk),
            "expires_at": clock.now() + CHUNKS_KEPT,
        }
        batch.create(self._chunk(user, run_id, chunk), fields)

    def _end(self, batch: Any, user: UserId, held: Stored, chunk: Chunk, ending: Ending) -> None:
        batch.set(self._answer(user, held.run), ending.answer.model_dump() | {"schema_version": SCHEMA_VERSION})
        changes = {
            "state": ending.state,
            "epoch": chunk.epoch,
            "last_line": chunk.last,
            "lease_until": None,
            "has_text": True,
            "error": ending.error,
        }
        self._update(batch, user, held, changes)

    def _update(self, batch: Any, user: UserId, stored: Stored, changes: dict[str, Any]) -> None:
        option = self._client.write_option(last_update_time=stored.updated_at)
        batch.update(self._run(user, stored.run.id), changes, option=option)

    def _run(self, user: UserId, run_id: str) -> Any:
        return self._client.document("users", user, "runs", run_id)

    def _chunk(self, user: UserId, run_id: str, chunk: Chunk) -> Any:
        return self._run(user, run_id).collection("chunks").document(f"{chunk.epoch:06d}-{chunk.first:08d}")

    def _answer(self, user: UserId, run: Run) -> Any:
        return self._client.document("users", user, "conversations", run.conversation_id, "messages", run.answer_id)


def lease_is_over(run: Run, now: datetime) -> bool:
    """Whether nobody produces the run any more, although it is not over."""
    return run.state is RunState.RUNNING and (run.lease_until is None or run.lease_until <= now)


def _text(chunk: Chunk) -> str:
    """The lines as one value, which Firestore's client encodes many times faster than as many; none holds a break."""
    return "\n".join(chunk.lines)


def _lines(text: str) -> list[str]:
    """The lines of a chunk; JSON may hold what else passes for a line's end."""
    return text.split("\n") if text else []


def _end_of(epoch: int, line: int) -> str:
    """Sorts as lines do: by epoch, then by number."""
    return f"{epoch:06d}-{line:08d}"
