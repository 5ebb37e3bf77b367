"""A model that costs next to nothing: streams as OpenAI does, fifty tokens a second to each of hundreds of readers.

`python -m scripts.benchmarks.upstream PORT` serves `POST /TOKENS/v1/chat/completions`, an answer of so many tokens: the
first at once, then one every 20 ms. Events are encoded beforehand, so that it can share a core with who reads.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import count

TOKENS_PER_SECOND = 50
PHASES = 20
"""The streams take turns within the 20 ms, as they would if their readers had come by chance."""
MODEL = "measured"
PROSE = (
    "The morning is yours until ten, when the review begins; it was moved by half an hour and the room is the same as"
    " last week. After lunch there is nothing fixed, so that the letter could be written then. Two people wait for a"
    " word: one about the boat, who asked twice, and one about the rehearsal, who only wants to know whether you come."
)
CUT_OFF_AFTER = 100_000


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    """One chunk of an answer (https://platform.openai.com/docs/api-reference/chat-streaming), as an HTTP chunk."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    document = {
        "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": [choice],
        "usage": None,
    }
    return chunk(json.dumps(document, separators=(",", ":")))


def chunk(data: str) -> bytes:
    """A server-sent event in HTTP's chunked coding (https://www.rfc-editor.org/rfc/rfc9112#section-7.1)."""
    line = f"data: {data}\n\n".encode()
    return f"{len(line):x}\r\n".encode() + line + b"\r\n"


WORDS = [event({"content": f" {word}"}) for word in PROSE.split(" ")]
OPENING = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n" + event({"role": "assistant", "content": ""})
)
CLOSING = event({}, "stop") + chunk("[DONE]") + b"0\r\n\r\n"


class Answering(asyncio.Protocol):
    """One connection; one request after another."""

    def __init__(self, phases: Sequence[set["Answering"]], turns: "count[int]") -> None:
        self._phases = phases
        self._turns = turns
        self._phase: set[Answering] = set()
        self._received = b""
        self._sent = 0
        self._wanted = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if len(body) >= int(lengths[0] if lengths else 0):
            self._received = b""
            self._begin(int(head.split(b"/")[1]))

    def say(self) -> None:
        """The next token, or the end."""
        if self._transport is None:
            return
        if self._sent < min(self._wanted, CUT_OFF_AFTER):
            self._transport.write(WORDS[self._sent % len(WORDS)])
            self._sent += 1
        else:
            self._transport.write(CLOSING)
            self._phase.discard(self)

    def _begin(self, tokens: int) -> None:
        self._sent, self._wanted = 0, tokens
        if self._transport is not None:
            self._transport.write(OPENING)
        self.say()
        self._phase = self._phases[next(self._turns) % PHASES]
        self._phase.add(self)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    phases: list[set[Answering]] = [set() for _ in range(PHASES)]
    turns, loop = count(), asyncio.get_running_loop()
    await loop.create_server(lambda: Answering(phases, turns), "127.0.0.1", port)
    began, step = loop.time(), 1 / TOKENS_PER_SECOND / PHASES
    for tick in count():
        await asyncio.sleep(began + tick * step - loop.time())
        for answering in list(phases[tick % PHASES]):
            answering.say()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
