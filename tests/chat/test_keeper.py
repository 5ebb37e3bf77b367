"""Lines are kept by time and size, and no chunk is empty, whoever waits for whom."""

import asyncio
import time
from typing import Any, cast

from lib.chat.keeper import FLUSHED_EVERY_WHILE_TAILED, TICK_SECONDS, Keeper
from lib.chat.models import Run, Work
from lib.chat.ring import Ring
from lib.chat.run_log import Chunk, RunLog, Stored
from lib.core import clock
from lib.core.store import UserId

RUN = Run(
    id="run_" + "0" * 24,
    conversation_id="con_1",
    question_id="msg_1",
    answer_id="msg_2",
    epoch=1,
    created_at=clock.now(),
)
WORK = Work(model="gpt-6-luna", provider="openai", input_tokens=1, reservation="run-1")


class SlowLog:
    """Keeps chunks once it is let."""

    def __init__(self) -> None:
        self.kept: list[Chunk] = []
        self.may_write = asyncio.Event()
        self.second = asyncio.Event()

    async def append(self, user: UserId, held: Stored, chunk: Chunk) -> None:
        await self.may_write.wait()
        self.kept.append(chunk)
        if len(self.kept) == 2:
            self.second.set()

    async def append_and_renew(self, user: UserId, held: Stored, chunk: Chunk, work: Work) -> Stored:
        await self.append(user, held, chunk)
        return held


def test_a_first_text_that_takes_long_to_keep_is_kept_once_and_nothing_empty_after_it() -> None:
    async def check() -> None:
        log, ring = SlowLog(), Ring(1)
        held: Any = Stored(RUN, None)
        keeper = Keeper(cast(RunLog, log), UserId("user_1"), held, ring)
        keeper.tailed_until = time.monotonic() + 60
        keeping = asyncio.create_task(keeper.run())
        ring.append("one")
        first = asyncio.create_task(keeper.first_text(WORK))
        await asyncio.sleep(FLUSHED_EVERY_WHILE_TAILED.total_seconds() + 2 * TICK_SECONDS)
        log.may_write.set()
        await first
        ring.append("two")
        await log.second.wait()
        keeping.cancel()
        assert [(chunk.first, chunk.lines) for chunk in log.kept] == [(1, ["one"]), (2, ["two"])]

    asyncio.run(asyncio.wait_for(check(), 10))
