"""The stream's entrance: one instance, log and reader per process, made on its event loop when first needed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache

from lib.chat.instance import Instance
from lib.chat.producer import Collaborators
from lib.chat.reader import Event, Reader, Resumption
from lib.chat.run_log import RunLog
from lib.core.store import UserId


@dataclass(frozen=True)
class _Streaming:
    instance: Instance
    reader: Reader


@cache
def _streaming() -> _Streaming:
    log = RunLog()
    instance = Instance(log, Collaborators())
    return _Streaming(instance, Reader(log, instance))


async def run(person: UserId, run_id: str, last_event_id: str | None) -> AsyncIterator[Event] | None:
    """The events of a run beyond those that the reader has; None if there are none. Raises `NotFound`."""
    return await _streaming().reader.open(person, run_id, Resumption.parse(last_event_id))


async def conversation(person: UserId, conversation_id: str, last_event_id: str | None) -> AsyncIterator[Event] | None:
    """The events of the run that a conversation has under way; None if there is none. Raises `NotFound`."""
    return await _streaming().reader.open_latest(person, conversation_id, Resumption.parse(last_event_id))


async def end() -> None:
    """Interrupt what this instance produces, and write that down."""
    await _streaming().instance.end()
