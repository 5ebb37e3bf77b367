"""Reads a run's events for one connection: from the ring if this instance produces it, else from the log.

Every reader only reads; the first one differs in that it finds the run unclaimed, and has it claimed.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from lib.chat import store, wire
from lib.chat.instance import Instance, can_be_claimed
from lib.chat.models import Message, Run, RunState
from lib.chat.producer import INTERRUPTED, TEXT_ID
from lib.chat.run_log import Chunk, ClaimLost, RunLog, Stored, lease_is_over
from lib.core import clock
from lib.core.errors import NotFound
from lib.core.store import UserId

POLLED_EVERY_SECONDS = 0.3
TAILING_TOLD_EVERY_SECONDS = 2.0

_EVENT_ID = re.compile(r"(run_[0-9a-v]{24}):(\d{1,6}):(\d{1,8})")


@dataclass(frozen=True)
class Position:
    """How far a reader has come: the number of the last line that it has, in an epoch."""

    run_id: str
    epoch: int
    line: int

    @classmethod
    def parse(cls, event_id: str | None) -> "Position | None":
        """The position in a `Last-Event-ID`; None for what is not one."""
        match = _EVENT_ID.fullmatch(event_id or "")
        return cls(match[1], int(match[2]), int(match[3])) if match else None


@dataclass(frozen=True)
class Event:
    """A line on its way to a reader."""

    id: str
    data: str


class Reader:
    """Reads runs for the connections of this instance."""

    def __init__(self, log: RunLog, instance: Instance) -> None:
        self._log = log
        self._instance = instance

    async def open(self, user: UserId, run_id: str, position: Position | None) -> AsyncIterator[Event] | None:
        """The events beyond the position; None if the run is over and the reader has everything.

        Raises `NotFound`.
        """
        if position is not None and position.run_id != run_id:
            position = None
        stored = await self._log.read(user, run_id)
        if stored is None:
            raise NotFound("There is no such run")
        run = stored.run
        if run.state.is_over:
            return await self._over(user, run, position)
        return self._live(user, run_id, position)

    async def open_latest(
        self, user: UserId, conversation_id: str, position: Position | None
    ) -> AsyncIterator[Event] | None:
        """The events of the run that a conversation has under way; None if there is none.

        Raises `NotFound`.
        """
        run_id = await self._log.latest_run(user, conversation_id)
        if run_id is None:
            if await asyncio.to_thread(store.conversation, user, conversation_id) is None:
                raise NotFound("There is no such conversation")
            return None
        stored = await self._log.read(user, run_id)
        resumes = position is not None and position.run_id == run_id
        if stored is None or (stored.run.state.is_over and not resumes):
            return None
        return await self.open(user, run_id, position)

    async def _over(self, user: UserId, run: Run, position: Position | None) -> AsyncIterator[Event] | None:
        after = position.line if position is not None and position.epoch == run.epoch else 0
        chunks = await self._log.chunks(user, run, after)
        if chunks:
            return _events(run, chunks, after)
        if position is not None and position.epoch == run.epoch and after > 0:
            return None
        return _coalesced(run, await self._log.message(user, run))

    async def _live(self, user: UserId, run_id: str, position: Position | None) -> AsyncIterator[Event]:
        """Follow the run through claims, instances and its end."""
        told_at = 0.0
        while True:
            ring = self._instance.ring(run_id)
            stored = await self._log.read(user, run_id) if ring is None else None
            if ring is None and stored is not None:
                ring = await self._instance.claim(user, stored)
            if ring is not None:
                after = position.line if position is not None and position.epoch == ring.epoch else 0
                async for number, line in ring.follow(min(after, ring.last)):
                    position = Position(run_id, ring.epoch, number)
                    yield _event(position, line)
                return
            if stored is None:
                return
            run = stored.run
            if lease_is_over(run, clock.now()) and not can_be_claimed(run, clock.now()):
                await self._interrupt(user, stored)
                continue
            after = position.line if position is not None and position.epoch == run.epoch else 0
            chunks = await self._log.chunks(user, run, after)
            async for event in _events(run, chunks, after):
                position = Position.parse(event.id)
                yield event
            if run.state.is_over:
                if not chunks and after == 0:
                    async for event in _coalesced(run, await self._log.message(user, run)):
                        yield event
                return
            if run.instance is not None and time.monotonic() - told_at > TAILING_TOLD_EVERY_SECONDS:
                told_at = time.monotonic()
                await asyncio.to_thread(store.signal, run.instance, run_id, tailed=clock.now())
            await asyncio.sleep(POLLED_EVERY_SECONDS)

    async def _interrupt(self, user: UserId, stored: Stored) -> None:
        """Say that a run has lost its producer: with all that was flushed, and never begun anew by itself."""
        run = stored.run
        chunks = await self._log.chunks(user, run, 0)
        lines = [line for chunk in chunks for line in chunk.lines]
        closing: list[wire.Chunk] = [wire.TextEnd(TEXT_ID)] if _is_open(lines) else []
        ending = [wire.encode(chunk) for chunk in [*closing, wire.Error(INTERRUPTED)]]
        answer = Message(
            id=run.answer_id,
            role="assistant",
            text=_text(lines),
            created_at=clock.now(),
            run_id=run.id,
            state=RunState.INTERRUPTED,
        )
        chunk = Chunk(len(lines) + 1, [*ending, wire.DONE])
        try:
            await self._log.finish(user, stored, chunk, RunState.INTERRUPTED, answer, INTERRUPTED)
        except ClaimLost:
            return


async def _events(run: Run, chunks: list[Chunk], after: int) -> AsyncIterator[Event]:
    """The lines of the chunks beyond a number."""
    for chunk in chunks:
        for number, line in enumerate(chunk.lines, chunk.first):
            if number > after:
                yield _event(Position(run.id, run.epoch, number), line)


async def _coalesced(run: Run, message: Message | None) -> AsyncIterator[Event]:
    """A run whose chunks are gone, from its stored answer: one delta, and the same end."""
    chunks: list[wire.Chunk] = [wire.Start(run.answer_id)]
    if message is not None and message.text:
        chunks += [wire.TextStart(TEXT_ID), wire.TextDelta(TEXT_ID, message.text), wire.TextEnd(TEXT_ID)]
    if message is not None and message.metadata:
        chunks.append(wire.MessageMetadata(message.metadata))
    chunks.append(_end(run))
    for number, line in enumerate([*map(wire.encode, chunks), wire.DONE], 1):
        yield _event(Position(run.id, run.epoch, number), line)


def _end(run: Run) -> wire.Chunk:
    if run.state is RunState.FINISHED:
        return wire.Finish("stop")
    if run.state is RunState.STOPPED:
        return wire.Abort("stopped")
    return wire.Error(run.error or INTERRUPTED)


def _event(position: Position, line: str) -> Event:
    return Event(f"{position.run_id}:{position.epoch}:{position.line}", line)


def _is_open(lines: list[str]) -> bool:
    kinds = [json.loads(line)["type"] for line in lines if line != wire.DONE]
    return kinds.count("text-start") > kinds.count("text-end")


def _text(lines: list[str]) -> str:
    documents = [json.loads(line) for line in lines if line != wire.DONE]
    return "".join(document["delta"] for document in documents if document["type"] == "text-delta")
