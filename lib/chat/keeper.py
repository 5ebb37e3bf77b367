"""Keeps a run's claim and flushes its lines: the first text at once, then by time and size, and at the end."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

from lib.chat.models import Work
from lib.chat.ring import Ring
from lib.chat.run_log import Chunk, Ending, RunLog, Stored
from lib.core.store import UserId

FLUSHED_EVERY = timedelta(seconds=1)
FLUSHED_EVERY_WHILE_TAILED = timedelta(milliseconds=250)
FLUSHED_AT_CHARACTERS = 4096
RENEWED_EVERY = timedelta(seconds=5)
TICK_SECONDS = 0.1


class Keeper:
    """Beside the producer of a run, which writes into the ring.

    What is being written when its caller is cancelled is written to the end, so that the next writing knows of it.
    """

    def __init__(self, log: RunLog, user: UserId, held: Stored, ring: Ring) -> None:
        self.tailed_until = 0.0
        self._held = held
        self._log = log
        self._user = user
        self._ring = ring
        self._flushed = 0
        self._flushed_at = time.monotonic()
        self._renewed_at = time.monotonic()
        self._writing = asyncio.Lock()
        self._work: Work | None = None

    async def first_text(self, work: Work) -> None:
        """Flush at once: from now on a crash is an interruption and no reason to begin anew. Raises `ClaimLost`.

        Only then are lines due by time and size. A tick that waited for this flush would find nothing left, and keep an
        empty chunk under the name of the one that goes on from here.
        """
        await _to_the_end(self._flush(work))
        self._work = work

    async def run(self) -> None:
        """Flush and renew until cancelled. Raises `ClaimLost` when somebody else has the run."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._is_due():
                await _to_the_end(self._flush(self._work if self._is_renewal_due() else None))
            elif self._is_renewal_due():
                await _to_the_end(self._renew())

    async def finish(self, closing: Sequence[str], ending: Ending) -> None:
        """Flush the rest and the closing lines together with the end. Raises `ClaimLost`."""
        async with self._writing:
            pending = self._pending()
            chunk = Chunk(pending.epoch, pending.first, [*pending.lines, *closing])
            await self._log.finish(self._user, self._held, chunk, ending)

    def _is_due(self) -> bool:
        if self._work is None or self._ring.last == self._flushed:
            return False
        now = time.monotonic()
        every = FLUSHED_EVERY_WHILE_TAILED if self.tailed_until > now else FLUSHED_EVERY
        if now - self._flushed_at >= every.total_seconds():
            return True
        return sum(map(len, self._pending().lines)) >= FLUSHED_AT_CHARACTERS

    def _is_renewal_due(self) -> bool:
        return time.monotonic() - self._renewed_at >= RENEWED_EVERY.total_seconds()

    async def _flush(self, renewed_for: Work | None) -> None:
        async with self._writing:
            chunk = self._pending()
            now = time.monotonic()
            if renewed_for is None:
                await self._log.append(self._user, self._held, chunk)
            else:
                self._held = await self._log.append_and_renew(self._user, self._held, chunk, renewed_for)
                self._renewed_at = now
            self._flushed = chunk.last
            self._flushed_at = now

    async def _renew(self) -> None:
        async with self._writing:
            self._renewed_at = time.monotonic()
            self._held = await self._log.renew(self._user, self._held)

    def _pending(self) -> Chunk:
        lines = list(self._ring.between(self._flushed, self._ring.last))
        return Chunk(self._held.run.epoch, self._flushed + 1, lines)


async def _to_the_end(writing: Coroutine[Any, Any, None]) -> None:
    """Wait for the writing, which goes on when we are cancelled; what it then raises shows in the next one."""
    task = asyncio.create_task(writing)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.shield(task)
