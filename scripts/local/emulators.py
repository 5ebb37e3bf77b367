"""Google's own Firestore and Pub/Sub emulators, as children of the runner."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from scripts.local.children import Child, Children
from scripts.local.preflight import NotReady, Tools, free_port, is_taken

# Quick to start rather than quick in the long run: https://docs.oracle.com/en/java/javase/17/docs/specs/man/java.html
JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g")
FIRESTORE_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
START_SECONDS = 60.0
POLL_SECONDS = 0.05


class PortLost(NotReady):
    """Another program took the port that was free a moment ago."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator and the port where it speaks gRPC and HTTP."""

    child: Child
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


async def start_firestore(tools: Tools, children: Children, logs: Path) -> Emulator:
    """Start the Firestore emulator and wait until it answers. Raises `NotReady`."""
    try:
        return await _start_firestore(tools, children, logs, free_port())
    except PortLost:
        return await _start_firestore(tools, children, logs, free_port())


async def _start_firestore(tools: Tools, children: Children, logs: Path, port: int) -> Emulator:
    program = [str(tools.java), *JVM_FLAGS, "-cp", str(tools.firestore_jar), FIRESTORE_CLASS]
    return await _start("firestore", [*program, "--host", "127.0.0.1", "--port", str(port)], port, children, logs)


async def start_pubsub(tools: Tools, children: Children, logs: Path, port: int) -> Emulator:
    """Start the Pub/Sub emulator on a port that others were told already. Raises `NotReady`."""
    program = [str(tools.java), *JVM_FLAGS, "-jar", str(tools.pubsub_jar)]
    return await _start("pubsub", [*program, "--host=127.0.0.1", f"--port={port}"], port, children, logs)


async def _start(name: str, command: list[str], port: int, children: Children, logs: Path) -> Emulator:
    log = logs / f"{name}.log"
    child = await children.start(name, command, log=log)
    if not await _answers(child, port):
        if not child.alive and is_taken(port):
            raise PortLost(f"The {name} emulator lost port {port} to another program: try again")
        raise NotReady(f"The {name} emulator does not start: see {log}")
    return Emulator(child, port)


async def _answers(child: Child, port: int) -> bool:
    """Whether it came up; it may instead have lost its port to another program, and ended."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while child.alive and loop.time() < deadline:
            try:
                async with session.get(f"http://127.0.0.1:{port}/") as response:
                    if response.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(POLL_SECONDS)
    return False
