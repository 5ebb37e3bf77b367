"""Sealers in processes of their own, and what kills one of them at a write to Firestore."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import grpc

from scripts.local.catalog import REPOSITORY
from scripts.local.project import ATTESTATION_KEY
from tests.briefly import Briefly
from tests.local.conftest import LoopThread

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Sealer:
    """One process."""

    process: "subprocess.Popen[str]"

    def begin(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("seal\n")
        self.process.stdin.flush()

    def ended(self) -> bool:
        """Whether it ends what it began; False if it dies instead."""
        assert self.process.stdout
        # Its log is there too.
        return any(line == "sealed\n" for line in self.process.stdout)

    def seal(self) -> bool:
        self.begin()
        return self.ended()


@contextmanager
def sealer(briefly: Briefly, firestore: str | None = None) -> Iterator[Sealer]:
    """A process with the account of the function, which reaches Firestore at this host."""
    endpoints = briefly.state.endpoints
    metadata = endpoints.metadata["seal-audit"]
    environment = os.environ | {
        "K_SERVICE": "seal-audit",
        "FIRESTORE_EMULATOR_HOST": firestore or endpoints.firestore.removeprefix("http://"),
        "STORAGE_ENDPOINT": endpoints.storage,
        "ATTESTATION_KEY": ATTESTATION_KEY,
        "GCE_METADATA_HOST": metadata,
        "GCE_METADATA_IP": metadata,
    }
    command = [sys.executable, "-m", "tests.audit.sealer_process"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Sealer(process)
        finally:
            process.kill()


class DeadlyProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes all calls on to Firestore, and kills the process of whoever makes one of the commits.

    `deadly` is the number of that commit, from 1 on; it is killed before the commit reaches Firestore, or after it
    took effect and before anybody learns of it.
    """

    def __init__(self, target: str) -> None:
        self.target, self.host = target, ""
        self.commits = 0
        self.deadly, self.moment = 0, "before"
        self.victim: subprocess.Popen[str] | None = None
        self._channel: Any = None
        self._server: Any = None

    def expect(self, victim: "subprocess.Popen[str]", deadly: int, moment: Moment) -> None:
        """Kill this process at this commit of those to come."""
        self.victim, self.deadly, self.moment, self.commits = victim, deadly, moment, 0

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        is_commit = method.endswith("/Commit")

        async def forward(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            self.commits += is_commit
            dies_here = is_commit and self.commits == self.deadly
            if dies_here and self.moment == "before":
                self._kill()
                return
            metadata = [(key, value) for key, value in context.invocation_metadata() if key != "user-agent"]
            call = self._channel.stream_stream(method)(requests, metadata=metadata)
            try:
                async for answer in call:
                    if dies_here:
                        self._kill()
                        return
                    yield answer
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "")

        return grpc.stream_stream_rpc_method_handler(forward)

    def _kill(self) -> None:
        assert self.victim
        self.victim.kill()
        self.victim.wait()

    async def open(self) -> None:
        self._channel = grpc.aio.insecure_channel(self.target)
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((self,))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def close(self) -> None:
        await self._server.stop(None)
        await self._channel.close()


@contextmanager
def deadly_proxy(briefly: Briefly) -> Iterator[DeadlyProxy]:
    """A proxy for as long as the block."""
    loop = LoopThread()
    proxy = DeadlyProxy(briefly.state.endpoints.firestore.removeprefix("http://"))
    loop.run(proxy.open())
    try:
        yield proxy
    finally:
        loop.run(proxy.close())
        loop.stop()
