"""Ends runs whose producer was lost: with all that was kept, told honestly, and never begun anew."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from lib.chat import metering, wire
from lib.chat.models import Message, RunState
from lib.chat.producer import INTERRUPTED, TEXT_ID
from lib.chat.run_log import ClaimLost, Ending, RunLog, Stored
from lib.core import clock, telemetry
from lib.core.store import UserId
from lib.usage.models import ModelUsed

_SOURCES = ("source-url", "source-document")


async def interrupt(log: RunLog, tell: Callable[[ModelUsed], None], user: UserId, lost: Stored) -> None:
    """Store the answer as far as it was kept, append the end, and meter it. Only the first who tries has an effect."""
    run = lost.run
    chunks = [chunk for chunk in await log.chunks(user, run.id, run.epoch, 0) if chunk.epoch == run.epoch]
    said = [json.loads(line) for chunk in chunks for line in chunk.lines]
    text = "".join(document["delta"] for document in said if document["type"] == "text-delta")
    answer = Message(
        id=run.answer_id,
        role="assistant",
        text=text,
        created_at=clock.now(),
        run_id=run.id,
        state=RunState.INTERRUPTED,
        sources=[document for document in said if document["type"] in _SOURCES],
        metadata={"run_id": run.id},
    )
    kept = max((chunk.last for chunk in chunks), default=0)
    ending = Ending(RunState.INTERRUPTED, answer, INTERRUPTED)
    try:
        await log.finish_for_lost(user, lost, kept, _closing(said, answer), ending)
    except ClaimLost:
        return
    await _meter(tell, user, lost, text)


def _closing(said: list[dict[str, Any]], answer: Message) -> list[str]:
    """The last lines; readers on the lost instance may have more text than was kept, so they are told how much was."""
    kept = wire.Data("interrupted", {"message_id": answer.id, "characters": len(answer.text)})
    is_open = [document["type"] for document in said if document["type"] in ("text-start", "text-end")][-1:]
    text_end: list[wire.Chunk] = [wire.TextEnd(TEXT_ID)] if is_open == ["text-start"] else []
    return [*map(wire.encode, [kept, *text_end, wire.Error(INTERRUPTED)]), wire.DONE]


async def _meter(tell: Callable[[ModelUsed], None], user: UserId, lost: Stored, written: str) -> None:
    """The model was paid for what the lost producer had of it; how much more than the kept text, nobody knows."""
    work = lost.run.work
    if work is None:
        return
    duration = (clock.now() - lost.run.created_at).total_seconds() * 1000
    usage = metering.broken_off(work, written)
    try:
        used = metering.used(user, lost.run, work, usage, metering.Times(round(duration)), "interrupted")
        await asyncio.to_thread(tell, used)
    except Exception as problem:
        telemetry.error("usage not told", problem, run=lost.run.id)
