"""Relays on a core of their own; the model, the readers and everything else on the others."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scripts.benchmarks import process_group, upstream
from scripts.benchmarks.instances import Instance
from scripts.benchmarks.load import Heard
from scripts.benchmarks.surroundings import Ask, Surroundings
from scripts.local.catalog import REPOSITORY
from scripts.local.preflight import NotReady, free_port

START_SECONDS = 20.0
POLL_SECONDS = 0.01
ENDLESS = 100_000
"""Tokens of an answer that lasts longer than anybody measures."""


class Broken(Exception):
    """A stream did not begin, or did not last. The message says why."""


@dataclass
class Rig:
    """The model's port, the line to the readers, and the core that is measured."""

    model: int
    core: int
    others: frozenset[int]
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    def environment(self, tokens: int) -> dict[str, str]:
        """Settings with which a function asks this model, for answers of so many tokens."""
        card = {"id": upstream.MODEL, "provider": "openai", "window_tokens": 100_000, "max_output_tokens": 4096}
        free = {"input": 0, "cached_input": 0, "cache_write": 0, "output": 0, "effective_from": "2000-01-01"}
        return {
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self.model}/{tokens}/v1",
            "MODEL_CATALOGUE": json.dumps([card]),
            "RATE_CARD": json.dumps([{"model": upstream.MODEL, **free}]),
        }

    async def open(self, instance: Instance, asks: Sequence[Ask]) -> None:
        """Read more streams of the instance; returns when each has its first token. Raises `Broken`."""
        streams = [{"port": instance.port, "target": ask.target, "headers": dict(ask.headers)} for ask in asks]
        await self._order({"open": streams})

    async def hear(self, seconds: float) -> Heard:
        """What comes meanwhile. Raises `Broken` when a stream has ended."""
        return Heard(**await self._order({"measure": seconds}))

    async def close(self) -> None:
        """Read no stream any more."""
        await self._order({"close": True})

    async def _order(self, order: Mapping[str, Any]) -> Any:
        self._writer.write(json.dumps(order).encode() + b"\n")
        answer = json.loads(await self._reader.readline())
        if isinstance(answer, dict) and "failed" in answer:
            raise Broken(answer["failed"])
        return answer


@asynccontextmanager
async def rig(around: Surroundings) -> AsyncIterator[Rig]:
    """Model and readers for as long as the block. Raises `NotReady` on a machine with one core only."""
    before = os.sched_getaffinity(0)
    if len(before) < 2:
        raise NotReady("Relays are measured on a core of their own: this machine has only one")
    core, *rest = sorted(before)
    others = frozenset(rest)
    groups = [os.getpgrp(), *around.cloud.state.processes.values()]
    children, logs = around.cloud.supervisor.services["stream"].children, around.cloud.state.folder / "logs"
    model, load = free_port(), free_port()
    programs = [("upstream", model), ("load", load)]
    for group in groups:
        process_group.pin(group, others)
    started = [
        await children.start(
            name,
            [sys.executable, "-m", f"scripts.benchmarks.{name}", str(port)],
            folder=REPOSITORY,
            log=logs / f"bench-{name}.log",
        )
        for name, port in programs
    ]
    try:
        await _connected(model)
        reader, writer = await _connected(load)
        yield Rig(model, core, others, reader, writer)
        writer.close()
    finally:
        for child in started:
            await child.stop(0)
        for group in groups:
            process_group.pin(group, before)


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port, limit=2**24)
            except OSError:
                await asyncio.sleep(POLL_SECONDS)
