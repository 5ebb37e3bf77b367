"""Reads hundreds of streams at once and tells how far apart their tokens came.

`python -m scripts.benchmarks.load PORT` obeys lines of JSON, each with one of these keys, and answers with one each:

    {"open": [{"port", "target", "headers"}]}   open streams; answers when each has its first token, with their number
    {"measure": seconds}                        listen for so long; answers `Heard`, or fails if a stream ends meanwhile
    {"close": true}                             close all streams

What cannot be done is answered with `{"failed": why}`: nobody measures streams of which some are no more.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scripts.benchmarks.samples import percentile

MARK = b'"text-delta"'
"""Stands once in every token's event, whichever relay sends it."""
END = b"\r\n0\r\n\r\n"
"""The last chunk of a body (https://www.rfc-editor.org/rfc/rfc9112#section-7.1): the connection may live on."""
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Heard:
    """Tokens that came meanwhile, and the delays between those of one stream, in milliseconds."""

    tokens: int
    p50: float
    p99: float


class Listening(asyncio.Protocol):
    """One stream."""

    def __init__(self, request: bytes) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = False
        self.delays: list[float] = []
        self._request = request
        self._rest = b""
        self._last = 0.0
        self._time = asyncio.get_running_loop().time
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if not self.begun.done():
            self.begun.set_exception(ConnectionError(f"it ended before the first token: {self._rest!r}"))

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        tokens = data.count(MARK)
        self.ended = self.ended or END in data
        self._rest = data[data.rfind(MARK) + 1 :] if tokens else data
        if not tokens:
            return
        now = self._time()
        self.delays.append(now - self._last)
        self.delays += [0.0] * (tokens - 1)
        self._last = now
        if not self.begun.done():
            self.begun.set_result(None)

    def listen(self) -> None:
        """Forget what came so far."""
        self.delays.clear()

    def heard(self) -> list[float]:
        """The delays, the one that lasts yet included."""
        return [*self.delays, self._time() - self._last]


class Load:
    """All streams."""

    def __init__(self) -> None:
        self._streams: list[Listening] = []

    async def obey(self, order: Mapping[str, Any]) -> Any:
        """Do what one line says."""
        if "open" in order:
            opened = await asyncio.gather(*(self._open(**stream) for stream in order["open"]), return_exceptions=True)
            if failed := [error for error in opened if error is not None]:
                raise failed[0]
            return len(self._streams)
        if "measure" in order:
            return asdict(await self._measure(order["measure"]))
        for stream in self._streams:
            if stream.transport is not None:
                stream.transport.close()
        self._streams.clear()
        return 0

    async def _open(self, port: int, target: str, headers: Mapping[str, str]) -> None:
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
        request = "\r\n".join([*lines, "", ""]).encode()
        _, stream = await asyncio.get_running_loop().create_connection(lambda: Listening(request), "127.0.0.1", port)
        self._streams.append(stream)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stream.begun

    async def _measure(self, seconds: float) -> Heard:
        for stream in self._streams:
            stream.listen()
        await asyncio.sleep(seconds)
        if ended := sum(stream.ended for stream in self._streams):
            raise ConnectionError(f"{ended} of {len(self._streams)} streams have ended")
        delays = [delay * 1000 for stream in self._streams for delay in stream.heard()]
        return Heard(len(delays) - len(self._streams), percentile(delays, 0.5), percentile(delays, 0.99))


async def serve(port: int) -> None:
    """Obey whoever connects, until cancelled."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        load = Load()
        async for line in reader:
            try:
                answer: Any = await load.obey(json.loads(line))
            except (ConnectionError, TimeoutError) as error:
                answer = {"failed": str(error) or type(error).__name__}
            writer.write(json.dumps(answer).encode() + b"\n")

    server = await asyncio.start_server(converse, "127.0.0.1", port, limit=2**24)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
