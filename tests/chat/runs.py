"""Runs for tests of the room: kept in Firestore as `chat` keeps them, answered by hand-written collaborators."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from lib.ai.models import Completed, ModelCard, Prompt, Started, TextDelta, Usage
from lib.chat import store
from lib.chat.context import Context
from lib.chat.instance import Instance
from lib.chat.models import Conversation, Message, Run, Work
from lib.chat.producer import Collaborators
from lib.chat.reader import Event, Reader, Resumption
from lib.chat.run_log import Chunk, Ending, RunLog, Stored
from lib.core import clock, ids
from lib.core.store import UserId
from lib.usage.models import ModelUsed

PATIENCE_SECONDS = 20.0
CARD = ModelCard(id="gpt-6-luna", provider="openai", window_tokens=100_000, max_output_tokens=1000)

_T = TypeVar("_T")


@dataclass
class Model:
    """Says its words one by one, each when it is let; `spoken` tells how far it came."""

    words: list[str]
    spoken: int = 0
    _allowed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def let(self, words: int) -> None:
        """Allow so many more words."""
        for _ in range(words):
            self._allowed.release()

    async def answer(
        self, cards: list[ModelCard], prompt: Prompt, **_: Any
    ) -> AsyncGenerator[Started | TextDelta | Completed, None]:
        """As `lib.ai.answering.answer`."""
        for word in self.words:
            await self._allowed.acquire()
            if self.spoken == 0:
                yield Started(CARD)
            self.spoken += 1
            yield TextDelta(word)
        await self._allowed.acquire()
        yield Completed("stop", Usage(input_tokens=10, output_tokens=len(self.words)))


@dataclass
class Books:
    """What was told of the models' use, and what was given back of the budget."""

    told: list[ModelUsed] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    def collaborators(self, model: Model) -> Collaborators:
        return Collaborators(
            gather=nothing_known,
            answer=model.answer,
            reserve=lambda person, reservation, amount: None,
            release=lambda person, reservation: self.released.append(reservation),
            tell=self.told.append,
        )


def nothing_known(person: UserId, question: str, zone: ZoneInfo, now: datetime, accounts: Any, **_: Any) -> Context:
    """A context of a person without accounts."""
    return Context(now, zone)


class Line(RunLog):
    """A log to which the connection can be cut: what is written then waits until it is mended. Counts the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.claiming = asyncio.Event()
        """Somebody waits to claim a run."""
        self._whole = asyncio.Event()
        self._whole.set()
        self._may_claim = asyncio.Event()
        self._may_claim.set()

    def cut(self) -> None:
        self._whole.clear()

    def cut_claims(self) -> None:
        self._may_claim.clear()

    def mend(self) -> None:
        self._whole.set()
        self._may_claim.set()

    async def claim(self, user: UserId, stored: Stored, instance: str) -> Stored | None:
        claimed = await super().claim(user, stored, instance)
        self.claiming.set()
        await self._may_claim.wait()
        return claimed

    async def renew(self, user: UserId, held: Stored) -> Stored:
        await self._whole.wait()
        self.writes += 1
        return await super().renew(user, held)

    async def append(self, user: UserId, held: Stored, chunk: Chunk) -> None:
        await self._whole.wait()
        self.writes += 1
        await super().append(user, held, chunk)

    async def append_and_renew(self, user: UserId, held: Stored, chunk: Chunk, work: Work) -> Stored:
        await self._whole.wait()
        self.writes += 2
        return await super().append_and_renew(user, held, chunk, work)

    async def finish(self, user: UserId, held: Stored, chunk: Chunk, ending: Ending) -> None:
        await self._whole.wait()
        self.writes += 3
        await super().finish(user, held, chunk, ending)


@dataclass
class Place:
    """An instance of the stream, and how it reaches the log."""

    line: Line
    instance: Instance
    reader: Reader


@dataclass
class House:
    """One person's run and the instances that see it; made inside a running event loop."""

    user: UserId
    run: Run
    books: Books = field(default_factory=Books)
    log: RunLog = field(default_factory=RunLog)
    places: list[Place] = field(default_factory=list)

    def place(self, model: Model) -> Place:
        """An instance of the stream, as one more process."""
        line = Line()
        instance = Instance(line, self.books.collaborators(model))
        self.places.append(Place(line, instance, Reader(line, instance)))
        return self.places[-1]

    async def present(self) -> Run:
        """The run as it is kept."""
        stored = await self.log.read(self.user, self.run.id)
        assert stored is not None
        return stored.run

    async def read(self, reader: Reader, after: str | None = None) -> list[Event]:
        """Everything that a reader gets, to the end."""
        events = await reader.open(self.user, self.run.id, Resumption.parse(after))
        assert events is not None
        return [event async for event in events]


def posted() -> tuple[UserId, Run]:
    """A question that waits for its answer, of a new person."""
    user, now = UserId(f"user_{secrets.token_hex(8)}"), clock.now()
    conversation, question = ids.new("con"), ids.new("msg")
    run_id = ids.stable("run", user, question)
    run = Run(
        id=run_id,
        conversation_id=conversation,
        question_id=question,
        answer_id=ids.stable("msg", run_id),
        created_at=now,
    )
    store.create_conversation(user, Conversation(id=conversation, created_at=now, updated_at=now))
    store.post(user, Message(id=question, role="user", text="What now?", created_at=now), run, None)
    return user, run


def within_loop(work: Callable[[House], Coroutine[Any, Any, _T]]) -> _T:
    """Do the work for a fresh run, in bounded time."""
    user, run = posted()

    async def bounded() -> _T:
        house = House(user, run)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await work(house)
        finally:
            for place in house.places:
                place.line.mend()
            await asyncio.gather(*(place.instance.end() for place in house.places))

    return _runner().run(bounded())


@cache
def _runner() -> asyncio.Runner:
    """One loop for all tests, as a process has: Firestore's asynchronous client outlives none."""
    return asyncio.Runner()


async def until(condition: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Returns when the condition holds."""
    while True:
        if await condition():
            return
        await asyncio.sleep(0.01)


async def some(events: AsyncIterator[Event] | None, deltas: int) -> list[Event]:
    """The events up to so many pieces of text."""
    assert events is not None
    read: list[Event] = []
    async for event in events:
        read.append(event)
        if sum('"text-delta"' in one.data for one in read) == deltas:
            return read
    raise AssertionError("the stream ended before")
