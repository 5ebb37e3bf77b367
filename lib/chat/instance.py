"""What this instance produces: its runs, their rings, and the signals that come for them."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lib.chat import store
from lib.chat.keeper import Keeper
from lib.chat.models import Run, RunState
from lib.chat.producer import Collaborators, Producer
from lib.chat.ring import Ring
from lib.chat.run_log import RunLog, Stored, lease_is_over
from lib.core import clock, ids, telemetry
from lib.core.store import UserId

TAILED_FOR_SECONDS = 5.0
SIGNALS_READ_EVERY_SECONDS = 5.0
SHUTDOWN_SECONDS = 8.0


class Instance:
    """One per process, made on its event loop."""

    def __init__(self, log: RunLog, work_with: Collaborators) -> None:
        self.id = ids.new("ins")
        self._log = log
        self._with = work_with
        self._rings: dict[str, Ring] = {}
        self._producers: dict[str, Producer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop_watch: Callable[[], None] | None = None
        self._is_ending = False

    def ring(self, run_id: str) -> Ring | None:
        """The ring of a run that this instance produces."""
        return self._rings.get(run_id)

    async def claim(self, user: UserId, stored: Stored) -> Ring | None:
        """Begin to produce the run, if it waits for somebody; None if it does not or somebody was quicker."""
        if self._is_ending or not can_be_claimed(stored.run, clock.now()):
            return None
        held = await self._log.claim(user, stored, self.id)
        if held is None:
            return None
        self._watch()
        ring = Ring(held.run.epoch)
        producer = Producer(user, held.run, ring, Keeper(self._log, user, held, ring), self._with)
        self._rings[held.run.id] = ring
        self._producers[held.run.id] = producer
        task = asyncio.create_task(self._produce(held.run.id, producer), name=held.run.id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ring

    async def end(self) -> None:
        """Interrupt every run, and wait until that is written down."""
        self._is_ending = True
        for producer in list(self._producers.values()):
            producer.interrupt()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=SHUTDOWN_SECONDS)
        if self._stop_watch is not None:
            await asyncio.to_thread(self._stop_watch)

    async def _produce(self, run_id: str, producer: Producer) -> None:
        listening = asyncio.create_task(self._read_signals(run_id))
        try:
            await producer.produce()
        except Exception as error:
            telemetry.error("producer failed", error, run=run_id)
        finally:
            listening.cancel()
            self._producers.pop(run_id, None)
            self._rings.pop(run_id, None)

    def _watch(self) -> None:
        """One watch for all runs of the instance; it tells on a thread of its own."""
        if self._stop_watch is not None:
            return
        loop = asyncio.get_running_loop()

        def told(run_id: str, wishes: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(self._obey, run_id, wishes)

        self._stop_watch = store.watch_signals(self.id, told)

    async def _read_signals(self, run_id: str) -> None:
        """Look now and then as well, in case the watch is broken."""
        while True:
            await asyncio.sleep(SIGNALS_READ_EVERY_SECONDS)
            try:
                self._obey(run_id, await asyncio.to_thread(store.signals_of, self.id, run_id))
            except Exception as error:
                telemetry.error("signals unreadable", error, run=run_id)

    def _obey(self, run_id: str, wishes: dict[str, Any]) -> None:
        producer = self._producers.get(run_id)
        if producer is None:
            return
        if wishes.get("stop"):
            producer.stop()
        if wishes.get("tailed"):
            producer.was_tailed(TAILED_FOR_SECONDS)


def can_be_claimed(run: Run, now: datetime) -> bool:
    """Whether the run waits for a producer: it never had one, or lost it before the first text."""
    return run.state is RunState.QUEUED or (lease_is_over(run, now) and not run.has_text)
