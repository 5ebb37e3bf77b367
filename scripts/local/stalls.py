"""Emulators that stall on command: alive, but for a while deaf, as a service behind a congested network is.

Control API, on the runner's port:
    POST /_control/stalls    {"process": "firestore" | "pubsub", "seconds": 0.5, "after"?: 0.2}: answers at once
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field


class Stall(BaseModel):
    """Which process is to stand still, after how many seconds, and for how many; of real time."""

    model_config = ConfigDict(extra="forbid")

    process: str
    seconds: float = Field(gt=0, le=10)
    after: float = Field(default=0.0, ge=0)


@dataclass(eq=False)
class Stalls:
    """Stops and continues processes, which are known by name."""

    processes: Mapping[str, int]
    _running: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def routes(self) -> list[web.RouteDef]:
        """The control API."""
        return [web.post("/_control/stalls", self._stall)]

    async def close(self) -> None:
        """Let everything go on."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _stall(self, request: web.Request) -> web.Response:
        wanted = Stall.model_validate_json(await request.read())
        task = asyncio.create_task(_hold(self.processes[wanted.process], wanted.after, wanted.seconds))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.Response(status=204)


async def _hold(pid: int, after: float, seconds: float) -> None:
    await asyncio.sleep(after)
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
