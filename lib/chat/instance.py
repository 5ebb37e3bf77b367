"""What this instance produces: its runs, their rings, and the signals that come for them."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from lib.chat import store
from lib.chat.interruption import interrupt
from lib.chat.keeper import Keeper
from lib.chat.models import Run, RunState
from lib.chat.preparation import Preparation
from lib.chat.producer import Collaborators, Producer
from lib.chat.ring import Ring
from lib.chat.run_log import ClaimLost, RunLog, Stored, lease_is_over
from lib.core import clock, ids, telemetry
from lib.core.store import UserId

TAILED_FOR_SECONDS = 5.0
SIGNALS_READ_EVERY_SECONDS = 5.0
SHUTDOWN_SECONDS = 8.0

_T = TypeVar("_T")


class Instance:
    """One per process, made on its event loop."""

    def __init__(self, log: RunLog, work_with: Collaborators) -> None:
        self.id = ids.new("ins")
        self.is_ending = False
        self._log = log
        self._with = work_with
        self._rings: dict[str, Ring] = {}
        self._producers: dict[str, Producer] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._signalled: set[str] = set()
        self._watching: asyncio.Task[None] | None = None
        self._stop_watch: Callable[[], None] | None = None

    def ring(self, run_id: str) -> Ring | None:
        """The ring of a run that this instance produces."""
        return self._rings.get(run_id)

    async def take_up(self, user: UserId, stored: Stored) -> Ring | None:
        """Begin to produce the run if it waits for somebody, and end it if its producer was lost in the midst of it.

        None if it is not ours then.
        """
        now = clock.now()
        if self.is_ending:
            return None
        if can_be_claimed(stored.run, now):
            # A reader that goes away meanwhile must not leave a claim without a producer.
            return await asyncio.shield(self._begin(self._claim(user, stored)))
        if lease_is_over(stored.run, now):
            await interrupt(self._log, self._with.tell, user, stored)
        return None

    async def end(self) -> None:
        """Interrupt every run, and wait until that is written down."""
        self.is_ending = True
        for producer in list(self._producers.values()):
            producer.interrupt()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while self._tasks:
                    await asyncio.wait(set(self._tasks))
        if self._watching is not None:
            await asyncio.wait({self._watching})
        if self._stop_watch is not None:
            await asyncio.to_thread(self._stop_watch)

    def _begin(self, work: Coroutine[Any, Any, _T], name: str | None = None) -> "asyncio.Task[_T]":
        """A task that is waited for when the instance ends."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _claim(self, user: UserId, stored: Stored) -> Ring | None:
        preparation = Preparation(user, stored.run)
        try:
            held = await self._log.claim(user, stored, self.id)
        except BaseException:
            preparation.abandon()
            raise
        if held is None:
            preparation.abandon()
            return None
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        run = held.run
        ring = Ring(run.epoch)
        producer = Producer(user, run, preparation, ring, Keeper(self._log, user, held, ring), self._with)
        self._rings[run.id] = ring
        self._producers[run.id] = producer
        if self.is_ending:
            producer.interrupt()
        self._begin(self._produce(user, run.id, stored.run.instance, producer), name=run.id)
        return ring

    async def _produce(self, user: UserId, run_id: str, held_before_by: str | None, producer: Producer) -> None:
        listening = asyncio.create_task(self._read_signals(run_id, held_before_by))
        try:
            await producer.produce()
        except ClaimLost:
            telemetry.warning("claim of a run lost", run=run_id)
            await self._tidied("chunks", self._log.forget_deleted(user, run_id), run_id)
        except Exception as error:
            telemetry.error("producer failed", error, run=run_id)
        finally:
            listening.cancel()
            self._producers.pop(run_id, None)
            self._rings.pop(run_id, None)
        if run_id in self._signalled:
            self._signalled.discard(run_id)
            await self._tidied("signals", asyncio.to_thread(store.forget_signals, self.id, run_id), run_id)

    async def _tidied(self, what: str, work: Coroutine[Any, Any, None], run_id: str) -> None:
        """Delete what nobody needs any more; if that fails it expires by itself."""
        try:
            await work
        except Exception as error:
            telemetry.error(f"{what} of a run not deleted", error, run=run_id)

    async def _watch(self) -> None:
        """One watch for all runs of the instance, which tells on a thread of its own.

        If it cannot begin, signals are only looked for now and then.
        """
        loop = asyncio.get_running_loop()

        def told(run_id: str, wishes: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(self._obey, run_id, wishes)

        def begin() -> None:
            self._stop_watch = store.watch_signals(self.id, told)

        try:
            await asyncio.to_thread(begin)
        except Exception as error:
            telemetry.error("signals not watched", error)

    async def _read_signals(self, run_id: str, held_before_by: str | None) -> None:
        """Look now and then as well, in case the watch is broken; and once for what an earlier holder was told."""
        if held_before_by is not None:
            await self._read_signals_of(held_before_by, run_id)
        while True:
            await asyncio.sleep(SIGNALS_READ_EVERY_SECONDS)
            await self._read_signals_of(self.id, run_id)

    async def _read_signals_of(self, instance: str, run_id: str) -> None:
        try:
            self._obey(run_id, await asyncio.to_thread(store.signals_of, instance, run_id))
        except Exception as error:
            telemetry.error("signals unreadable", error, run=run_id)

    def _obey(self, run_id: str, wishes: dict[str, Any]) -> None:
        producer = self._producers.get(run_id)
        if producer is None or not wishes:
            return
        self._signalled.add(run_id)
        if wishes.get("stop"):
            producer.stop()
        if "tailed" in wishes:
            producer.was_tailed(TAILED_FOR_SECONDS - (clock.now() - wishes["tailed"]).total_seconds())


def can_be_claimed(run: Run, now: datetime) -> bool:
    """Whether the run waits for a producer: it never had one, or lost it before the first text."""
    return run.state is RunState.QUEUED or (lease_is_over(run, now) and not run.has_text)
