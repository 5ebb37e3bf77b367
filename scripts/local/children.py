"""Child processes that never outlive the runner: each leads a process group that a guardian knows."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GUARDIAN = Path(__file__).with_name("guardian.py")
CHUNK_BYTES = 65536

LineReader = Callable[[bytes], None]


@dataclass(eq=False)
class Child:
    """A running process, the leader of its own group."""

    name: str
    process: Process
    ended: asyncio.Task[int]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return not self.ended.done()

    def signal(self, number: int) -> None:
        """Send a signal to the leader only, as Cloud Run does to a container's first process."""
        if self.alive:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the whole group at once, without a chance to clean up."""
        _kill_group(self.pid)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and kill what is left of the group after so many seconds. Returns when it is gone."""
        self.signal(signal.SIGTERM)
        await asyncio.wait({self.ended}, timeout=grace)
        self.kill()
        await self.ended

    async def wait(self) -> int:
        """Wait until it has ended. Returns its exit code, negative for a signal."""
        return await asyncio.shield(self.ended)


@dataclass
class Children:
    """Starts child processes and tells the guardian of each. Use as an async context; leaving it kills them all."""

    _guardian: Process | None = None
    _running: set[Child] = field(default_factory=set)

    async def __aenter__(self) -> "Children":
        self._guardian = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(GUARDIAN),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        running = list(self._running)
        for child in running:
            child.kill()
        await asyncio.gather(*(child.wait() for child in running))
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            await self._guardian.wait()

    async def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        log: Path | None = None,
        stdout: LineReader | None = None,
        stderr: LineReader | None = None,
    ) -> Child:
        """Start a process whose output goes to a log file, or line by line to the readers. Raises OSError."""
        file = log.open("ab") if log else None
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                cwd=folder,
                stdin=DEVNULL,
                stdout=file or (PIPE if stdout else DEVNULL),
                stderr=STDOUT if file else (PIPE if stderr else DEVNULL),
                start_new_session=True,
            )
        finally:
            if file:
                file.close()
        self._tell("+", process.pid)
        readers = [_read_lines(process.stdout, stdout), _read_lines(process.stderr, stderr)]
        ended = asyncio.create_task(self._follow(process, readers), name=f"child {name}")
        child = Child(name, process, ended)
        self._running.add(child)
        ended.add_done_callback(lambda _: self._running.discard(child))
        return child

    async def _follow(self, process: Process, readers: list[Coroutine[None, None, None]]) -> int:
        reading = asyncio.gather(*readers)
        code = await process.wait()
        # Workers of a killed leader would hold the port, and the pipes, for another second.
        _kill_group(process.pid)
        await reading
        self._tell("-", process.pid)
        return code

    def _tell(self, sign: str, group: int) -> None:
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.write(f"{sign}{group}\n".encode())


async def _read_lines(stream: asyncio.StreamReader | None, reader: LineReader | None) -> None:
    if stream is None or reader is None:
        return
    rest = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            reader(line)
    if rest:
        reader(rest)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
