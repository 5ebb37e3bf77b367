"""Server-sent events as a client reads them, on the one aiohttp session of an event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from weakref import WeakKeyDictionary

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from lib.ai.errors import ModelUnavailable

MAXIMUM_EVENT_BYTES = 1 << 20
CONNECT_SECONDS = 10.0
_CONNECTIONS = 2000

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()


def session() -> ClientSession:
    """The running loop's session: connections are kept alive, nothing but connecting has a time limit of its own."""
    loop = asyncio.get_running_loop()
    kept = _sessions.get(loop)
    if kept is None or kept.closed:
        kept = _sessions[loop] = ClientSession(
            connector=TCPConnector(limit=_CONNECTIONS, keepalive_timeout=30),
            timeout=ClientTimeout(total=None, connect=CONNECT_SECONDS),
            auto_decompress=True,
            trust_env=False,
        )
    return kept


async def events(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each event in a body; names and ids are not needed, since both dialects repeat them in the data.

    An event that is cut off before its blank line is dropped, as the standard demands
    (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
    Raises `ModelUnavailable` for an event beyond a megabyte.
    """
    rest = b""
    data: list[bytes] = []
    size = 0
    async for chunk in chunks:
        *lines, rest = _lines(rest + chunk)
        for line in lines:
            if not line:
                if data:
                    yield b"\n".join(data)
                data, size = [], 0
            elif line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
                size += len(line)
        if size + len(rest) > MAXIMUM_EVENT_BYTES:
            raise ModelUnavailable("an event is too large")
    if data and rest == b"\r":
        yield b"\n".join(data)


def _lines(text: bytes) -> list[bytes]:
    """Split at CRLF, LF or CR. A CR at the very end waits, since an LF may follow."""
    if b"\r" not in text:
        return text.split(b"\n")
    waiting = text.endswith(b"\r")
    lines = (text[:-1] if waiting else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if waiting:
        lines[-1] += b"\r"
    return lines
