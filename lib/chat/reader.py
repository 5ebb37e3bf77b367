"""Reads a run's lines for one connection: from the ring if this instance produces it, else from the log.

Every reader only reads; the first one differs in that it finds the run unclaimed, and has it taken up.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from lib.chat import store, wire
from lib.chat.instance import Instance
from lib.chat.models import Message, Run, RunState
from lib.chat.producer import INTERRUPTED, TEXT_ID
from lib.chat.ring import Ring
from lib.chat.run_log import Chunk, RunLog, Stored
from lib.core import clock
from lib.core.errors import NotFound
from lib.core.store import UserId

POLLED_EVERY_SECONDS = 0.3
TAILING_TOLD_EVERY_SECONDS = 2.0

_EVENT_ID = re.compile(r"(run_[0-9a-v]{24}):([0-9]{1,6}):([0-9]{1,8})")


@dataclass(frozen=True, order=True)
class Position:
    """How far a reader has come in a run: the number of the last line that it has, in an epoch."""

    epoch: int
    line: int


BEGINNING = Position(0, 0)


@dataclass(frozen=True)
class Resumption:
    """What a `Last-Event-ID` says: which run, and how far."""

    run_id: str
    position: Position

    @classmethod
    def parse(cls, event_id: str | None) -> "Resumption | None":
        """None for what is not an event id."""
        match = _EVENT_ID.fullmatch(event_id or "")
        return cls(match[1], Position(int(match[2]), int(match[3]))) if match else None


@dataclass(frozen=True)
class Event:
    """A line on its way to a reader; without an id it cannot be resumed after."""

    id: str | None
    data: str


class Reader:
    """Reads runs for the connections of this instance."""

    def __init__(self, log: RunLog, instance: Instance) -> None:
        self._log = log
        self._instance = instance

    async def open(self, user: UserId, run_id: str, resumption: Resumption | None) -> AsyncIterator[Event] | None:
        """The lines that the reader lacks; None if the run is over and the reader has everything.

        Raises `NotFound`.
        """
        stored = await self._log.read(user, run_id)
        if stored is None:
            raise NotFound("There is no such run")
        run = stored.run
        if resumption is None or resumption.run_id != run_id:
            return self._lines(user, stored, BEGINNING)
        if run.state.is_over and resumption.position >= _end(run):
            return None
        return self._lines(user, stored, resumption.position)

    async def open_latest(
        self, user: UserId, conversation_id: str, resumption: Resumption | None
    ) -> AsyncIterator[Event] | None:
        """The lines of the run that a conversation has under way; None if there is none.

        Raises `NotFound`.
        """
        run_id = await self._log.latest_run(user, conversation_id)
        if run_id is None:
            if await asyncio.to_thread(store.conversation, user, conversation_id) is None:
                raise NotFound("There is no such conversation")
            return None
        stored = await self._log.read(user, run_id)
        resumes = resumption is not None and resumption.run_id == run_id
        if stored is None or (stored.run.state.is_over and not resumes):
            return None
        return await self.open(user, run_id, resumption)

    async def _lines(self, user: UserId, found: Stored, position: Position) -> AsyncIterator[Event]:
        """Follow the run through claims, instances and its end; ends early when it, or this instance, goes away."""
        told_at, run_id = 0.0, found.run.id
        known: Stored | None = found
        while not self._instance.is_ending or self._instance.ring(run_id) is not None:
            ring = self._instance.ring(run_id)
            if ring is None:
                stored, known = known or await self._log.read(user, run_id), None
                if stored is None:
                    return
                run = stored.run
                if run.state.is_over:
                    async for event in self._rest(user, run, position):
                        yield event
                    return
                ring = await self._instance.take_up(user, stored)
            if ring is not None:
                async for reached, line in _ring_lines(ring, position):
                    position = reached
                    yield _event(run_id, position, line)
                    if line == wire.DONE:
                        return
                await asyncio.sleep(POLLED_EVERY_SECONDS)
                continue
            chunks = await self._log.chunks(user, run_id, position.epoch, position.line)
            for reached, line in _log_lines(chunks, position):
                position = reached
                yield _event(run_id, position, line)
            if run.instance is not None and time.monotonic() - told_at > TAILING_TOLD_EVERY_SECONDS:
                told_at = time.monotonic()
                await asyncio.to_thread(store.signal, run.instance, run_id, tailed=clock.now())
            await asyncio.sleep(POLLED_EVERY_SECONDS)

    async def _rest(self, user: UserId, run: Run, position: Position) -> AsyncIterator[Event]:
        """What is left of a run that is over."""
        if BEGINNING < _end(run) <= position:
            return
        chunks = await self._log.chunks(user, run.id, position.epoch, position.line)
        if _is_gapless(chunks, position, _end(run)):
            for reached, line in _log_lines(chunks, position):
                yield _event(run.id, reached, line)
            return
        answer = await self._log.message(user, run)
        resync = wire.Data("resync", {"message_id": run.answer_id}, transient=True)
        anew = _coalesced(run, answer) if position == BEGINNING else [resync, _last(run)]
        for chunk in anew:
            yield Event(None, wire.encode(chunk))
        yield _event(run.id, _end(run), wire.DONE)


async def _ring_lines(ring: Ring, position: Position) -> AsyncIterator[tuple[Position, str]]:
    after = position.line if position.epoch == ring.epoch else 0
    async for number, line in ring.follow(min(after, ring.last)):
        yield Position(ring.epoch, number), line


def _log_lines(chunks: Sequence[Chunk], position: Position) -> Iterator[tuple[Position, str]]:
    """The lines beyond the position, each with its own."""
    for chunk in chunks:
        for number, line in enumerate(chunk.lines, chunk.first):
            reached = Position(chunk.epoch, number)
            if reached > position:
                yield reached, line


def _is_gapless(chunks: Sequence[Chunk], position: Position, end: Position) -> bool:
    """Whether nothing is missing between the position and the end: chunks are deleted after a while, in any order."""
    expected = position
    for chunk in chunks:
        begins = 1 if chunk.epoch > expected.epoch else expected.line + 1
        if chunk.first > begins:
            return False
        expected = Position(chunk.epoch, chunk.last)
    return bool(chunks) and expected >= end


def _coalesced(run: Run, message: Message | None) -> list[wire.Chunk]:
    """A run whose lines are gone, from its stored answer: one delta, and the same end."""
    chunks: list[wire.Chunk] = [wire.Start(run.answer_id)]
    if message is not None and message.text:
        chunks += [wire.TextStart(TEXT_ID), wire.TextDelta(TEXT_ID, message.text), wire.TextEnd(TEXT_ID)]
    if message is not None and message.metadata:
        chunks.append(wire.MessageMetadata(message.metadata))
    return [*chunks, _last(run)]


def _last(run: Run) -> wire.Chunk:
    if run.state is RunState.FINISHED:
        return wire.Finish("stop")
    if run.state is RunState.STOPPED:
        return wire.Abort("stopped")
    return wire.Error(run.error or INTERRUPTED)


def _end(run: Run) -> Position:
    """Where a run that is over ends; at the beginning of its epoch if it ended without a line."""
    return Position(run.epoch, run.last_line)


def _event(run_id: str, position: Position, line: str) -> Event:
    return Event(f"{run_id}:{position.epoch}:{position.line}", line)
