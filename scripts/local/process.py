"""The processes of functions: started on the first request, one instance each unless more are asked for.

An instance is `functions-framework` serving one function from its own folder, as Cloud Run's buildpack has it
(https://github.com/GoogleCloudPlatform/functions-framework-python). An instance that died is replaced at the next
request. How many requests one takes at once, and what happens to those above, follows
https://cloud.google.com/run/docs/about-concurrency and https://cloud.google.com/run/docs/about-instance-autoscaling.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from scripts.local.catalog import Catalog, Function, folder
from scripts.local.children import Child, Children
from scripts.local.instance_log import InstanceLog
from scripts.local.preflight import free_port, is_taken

START_SECONDS = 60.0
POLL_SECONDS = 0.02
# https://cloud.google.com/run/docs/container-contract#sigterm
GRACE_SECONDS = 10.0
# https://cloud.google.com/run/docs/about-instance-autoscaling: requests wait up to ten seconds for an instance.
PENDING_SECONDS = 10.0


class InstanceFailed(Exception):
    """The function's process ended before it answered. The message says where its last words are."""


class PortLost(InstanceFailed):
    """Another program took the port that was free a moment ago."""


class NoInstance(Exception):
    """Every instance is busy, and stayed so for as long as a request waits."""


@dataclass(frozen=True)
class Site:
    """What functions are started from and with. `environment` is by name and port, `prepare` goes before a start.

    `python` is the interpreter of a function, by name; this process's own unless told.
    """

    functions: Path
    logs: Path
    prepare: Callable[[str], Awaitable[None]]
    environment: Callable[[str, int], Mapping[str, str]]
    log: Callable[[str, str, Path], InstanceLog]
    python: Callable[[str], str] = lambda _: sys.executable


@dataclass(eq=False)
class Instance:
    """A running process of a function."""

    id: str
    port: int
    child: Child
    in_flight: int = 0
    last_used: int = 0
    stopping: bool = False

    @property
    def serving(self) -> bool:
        return self.child.alive and not self.stopping


@dataclass(eq=False)
class Service:
    """One function and its instances; `wanted` is how many there are once a request has come."""

    name: str
    row: Function
    site: Site
    children: Children
    pending_seconds: float = PENDING_SECONDS
    wanted: int = 1
    instances: list[Instance] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _starting: set[asyncio.Task[Instance]] = field(default_factory=set)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _uses: "count[int]" = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Instance]:
        """An instance that takes one more request, in turn. Raises `InstanceFailed`, `NoInstance`."""
        instance = await self._free_instance()
        instance.in_flight += 1
        instance.last_used = next(self._uses)
        try:
            yield instance
        finally:
            instance.in_flight -= 1
            self._notify()

    async def scale(self, wanted: int) -> None:
        """Have exactly so many instances from now on. Raises `InstanceFailed`."""
        self.wanted = max(wanted, 1)
        surplus = self._serving()[wanted:]
        await asyncio.gather(*(self._stop(instance) for instance in surplus))
        if wanted:
            self._start_missing()
            if self._starting:
                await asyncio.gather(*self._starting)

    async def kill(self, instance_id: str | None, number: int = signal.SIGKILL) -> list[str]:
        """Signal an instance, or all: with SIGKILL the whole group, at once. Returns the ids of those that got it."""
        hit = [one for one in self._serving() if instance_id in (None, one.id)]
        for instance in hit:
            if number == signal.SIGKILL:
                instance.child.kill()
                await instance.child.wait()
            else:
                # Cloud Run sends nothing more to an instance that it has told to end.
                instance.stopping = number == signal.SIGTERM
                instance.child.signal(number)
        return [instance.id for instance in hit]

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Stop every instance, those that are starting included."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(self._stop(instance, grace) for instance in self._serving()))

    def _serving(self) -> list[Instance]:
        self.instances = [instance for instance in self.instances if instance.child.alive]
        return [instance for instance in self.instances if instance.serving]

    async def _free_instance(self) -> Instance:
        patience = asyncio.get_running_loop().time() + self.pending_seconds
        while True:
            self._start_missing()
            free = [one for one in self._serving() if one.in_flight < self.row.concurrency]
            if free:
                return min(free, key=lambda one: one.last_used)
            if not self._serving():
                await self._first_started()
                continue
            await self._wait_for_change(patience)

    async def _first_started(self) -> None:
        done, _ = await asyncio.wait(self._starting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _wait_for_change(self, patience: float) -> None:
        try:
            async with asyncio.timeout_at(patience):
                await self._changed.wait()
        except TimeoutError:
            raise NoInstance(self.name) from None

    def _start_missing(self) -> None:
        missing = self.wanted - len(self._serving()) - len(self._starting)
        for _ in range(missing):
            task = asyncio.create_task(self._start(), name=f"start {self.name}")
            self._starting.add(task)
            task.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[Instance]) -> None:
        self._starting.discard(task)
        if not task.cancelled():
            # Nobody may be waiting for an instance that was only one more; its log has what went wrong.
            task.exception()

    async def _start(self) -> Instance:
        await self.site.prepare(self.name)
        try:
            return await self._start_on(free_port())
        except PortLost:
            return await self._start_on(free_port())

    async def _start_on(self, port: int) -> Instance:
        instance_id = f"{self.name}-{next(self._numbers)}"
        path = self.site.logs / f"{self.name}.log"
        log = self.site.log(self.name, instance_id, path)
        child = await self.children.start(
            instance_id,
            command(self.name, self.row, port, self.site.python(self.name)),
            environment=self.site.environment(self.name, port),
            folder=self.site.functions / folder(self.name),
            stdout=log.stdout,
            stderr=log.stderr,
        )
        try:
            await _accepts(child, port)
        except BaseException:
            child.kill()
            raise
        if not child.alive:
            if is_taken(port):
                raise PortLost(f"{self.name} lost port {port} to another program (see {path})")
            raise InstanceFailed(f"{self.name} does not start: {log.last_error or 'no word on stderr'} (see {path})")
        instance = Instance(instance_id, port, child)
        child.ended.add_done_callback(lambda _: self._notify())
        self.instances.append(instance)
        self._notify()
        return instance

    async def _stop(self, instance: Instance, grace: float = GRACE_SECONDS) -> None:
        instance.stopping = True
        await instance.child.stop(grace)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(eq=False)
class Supervisor:
    """The processes of all functions of a catalogue."""

    services: dict[str, Service]

    @classmethod
    def of(cls, catalog: Catalog, site: Site, children: Children, pending_seconds: float) -> "Supervisor":
        """A supervisor that has started nothing yet."""
        rows = catalog.functions.items()
        return cls({name: Service(name, row, site, children, pending_seconds) for name, row in rows})

    async def warm(self, names: list[str]) -> None:
        """Start these functions side by side. Raises `InstanceFailed`."""
        await asyncio.gather(*(self.services[name].scale(max(1, self.services[name].wanted)) for name in names))

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Stop everything."""
        await asyncio.gather(*(service.close(grace) for service in self.services.values()))


def command(name: str, row: Function, port: int, python: str = sys.executable) -> list[str]:
    """How Cloud Run's buildpack serves a function of this name, in its folder."""
    program = [
        python,
        "-m",
        "functions_framework",
        "--source",
        "main.py",
        "--target",
        row.target or folder(name),
    ]
    return [*program, "--host", "127.0.0.1", "--port", str(port), *(["--asgi"] if row.asgi else [])]


async def _accepts(child: Child, port: int) -> None:
    """Return when the process takes connections, or has ended. Raises `InstanceFailed` when it does neither in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    while child.alive:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if loop.time() > deadline:
                raise InstanceFailed(f"{child.name} took longer than {START_SECONDS:.0f} s to start") from None
            await asyncio.sleep(POLL_SECONDS)
            continue
        writer.close()
        return
