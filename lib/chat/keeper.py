"""Keeps a run's claim and flushes its events: the first text at once, then by time and size, and at the end."""

import asyncio
import time
from datetime import timedelta

from lib.chat.models import Message, RunState
from lib.chat.ring import Ring
from lib.chat.run_log import Chunk, RunLog, Stored
from lib.core.store import UserId

FLUSHED_EVERY = timedelta(seconds=1)
FLUSHED_EVERY_WHILE_TAILED = timedelta(milliseconds=250)
FLUSHED_AT_CHARACTERS = 4096
RENEWED_EVERY = timedelta(seconds=5)
TICK_SECONDS = 0.1


class Keeper:
    """Beside the producer of a run, which writes into the ring."""

    def __init__(self, log: RunLog, user: UserId, held: Stored, ring: Ring) -> None:
        self.held = held
        self.tailed_until = 0.0
        self._log = log
        self._user = user
        self._ring = ring
        self._flushed = 0
        self._flushed_at = time.monotonic()
        self._renewed_at = time.monotonic()
        self._lock = asyncio.Lock()
        self._has_text = False

    async def first_text(self) -> None:
        """Flush at once: from now on a crash is an interruption and no reason to begin anew. Raises `ClaimLost`."""
        self._has_text = True
        await self._flush(renew=True)

    async def run(self) -> None:
        """Flush and renew until cancelled. Raises `ClaimLost` when somebody else has the run."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._is_due():
                await self._flush(renew=self._is_renewal_due())
            elif self._is_renewal_due():
                async with self._lock:
                    self.held = await self._log.renew(self._user, self.held)
                    self._renewed_at = time.monotonic()

    async def finish(self, state: RunState, answer: Message, error: str | None) -> None:
        """Flush the rest together with the end. Raises `ClaimLost`."""
        async with self._lock:
            await self._log.finish(self._user, self.held, self._pending(), state, answer, error)

    def _is_due(self) -> bool:
        if not self._has_text or self._ring.last == self._flushed:
            return False
        now = time.monotonic()
        every = FLUSHED_EVERY_WHILE_TAILED if self.tailed_until > now else FLUSHED_EVERY
        if now - self._flushed_at >= every.total_seconds():
            return True
        pending = self._ring.between(self._flushed, self._ring.last)
        return sum(map(len, pending)) >= FLUSHED_AT_CHARACTERS

    def _is_renewal_due(self) -> bool:
        return time.monotonic() - self._renewed_at >= RENEWED_EVERY.total_seconds()

    async def _flush(self, *, renew: bool) -> None:
        async with self._lock:
            chunk = self._pending()
            if chunk is None:
                return
            self.held = await self._log.append(self._user, self.held, chunk, renew=renew)
            self._flushed += len(chunk.lines)
            self._flushed_at = time.monotonic()
            if renew:
                self._renewed_at = self._flushed_at

    def _pending(self) -> Chunk | None:
        lines = list(self._ring.between(self._flushed, self._ring.last))
        return Chunk(self._flushed + 1, lines) if lines else None
