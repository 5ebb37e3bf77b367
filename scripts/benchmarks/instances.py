"""Instances of functions and of their rivals, started one at a time as the local cloud starts them."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmarks import process_group
from scripts.benchmarks.surroundings import Ask, Surroundings
from scripts.local.catalog import Function, folder
from scripts.local.children import Child
from scripts.local.preflight import free_port
from scripts.local.process import command

START_SECONDS = 60.0
POLL_SECONDS = 0.002
LAST_WORDS_CHARACTERS = 2000


class Refused(Exception):
    """An instance answered otherwise than with success, or not at all. The message ends with its log."""


@dataclass(frozen=True)
class Program:
    """What is started: a function of the catalogue, or with `source` another one in its place and surroundings.

    `environment` goes over the function's own; `python` are options of the interpreter.
    """

    function: str
    source: Path | None = None
    asgi: bool | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    python: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.function if self.source is None else f"{self.function}-{self.source.name}"


TARGET = "bare"
"""What the functions of rivals are called."""


@dataclass
class Instance:
    """A process that was started, and when."""

    child: Child
    port: int
    began: float
    log: Path

    @property
    def used(self) -> process_group.Used:
        """CPU and memory so far."""
        return process_group.used(self.child.pid)

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8")[-LAST_WORDS_CHARACTERS:]

    async def first_answer(self, ask: Ask) -> bytes:
        """What it answers as soon as it takes connections. Raises `Refused`."""
        deadline = self.began + START_SECONDS
        while time.perf_counter() < deadline and self.child.alive:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(POLL_SECONDS)
                continue
            try:
                return await self._exchange(ask, reader, writer)
            finally:
                writer.close()
        raise Refused(f"no answer at all: {self.last_words}")

    async def ready(self) -> None:
        """Returns when it takes connections. Raises `Refused`."""
        deadline = self.began + START_SECONDS
        while time.perf_counter() < deadline and self.child.alive:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(POLL_SECONDS)
                continue
            writer.close()
            return
        raise Refused(f"it does not start: {self.last_words}")

    async def _exchange(self, ask: Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        headers = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(ask.body)), **ask.headers}
        lines = [f"{ask.method} {ask.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + ask.body)
        answer = await reader.read()
        if not answer.split(b" ", 2)[1:2] or not answer.split(b" ", 2)[1].startswith(b"2"):
            said = answer.decode(errors="replace")[:1000]
            raise Refused(f"{ask.method} {ask.target}: {said} {self.last_words}")
        return answer


@asynccontextmanager
async def running(around: Surroundings, program: Program, cores: Collection[int] = ()) -> AsyncIterator[Instance]:
    """An instance for as long as the block; on these cores, if any are named."""
    service = around.cloud.supervisor.services[program.function]
    await service.site.prepare(program.function)
    port = free_port()
    row, name, place = service.row, program.function, service.site.functions / folder(program.function)
    environment = {**service.site.environment(program.function, port), **program.environment}
    if program.source is not None:
        asgi = row.asgi if program.asgi is None else program.asgi
        row, place = Function(trigger="http", target=TARGET, asgi=asgi), program.source
        environment["FUNCTION_TARGET"] = TARGET
    interpreter, *arguments = command(name, row, port)
    log = service.site.logs / f"bench-{program.name}.log"
    log.unlink(missing_ok=True)
    began = time.perf_counter()
    child = await service.children.start(
        program.name, [interpreter, *program.python, *arguments], environment=environment, folder=place, log=log
    )
    try:
        if cores:
            process_group.pin(child.pid, cores)
        yield Instance(child, port, began, log)
    finally:
        child.signal(signal.SIGKILL)
        child.kill()
        await child.wait()
