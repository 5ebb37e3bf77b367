"""Brings an answer to the client: at its pace, streamed or whole, and failing as a fault demands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from aiohttp import web

from scripts.local.models import errors
from scripts.local.models.conversation import Answer, Conversation
from scripts.local.models.faults import Fault
from scripts.local.models.request_log import Received
from scripts.local.models.settings import Behaviour

HANG_TICK_SECONDS = 0.05
ENDS_EARLY = ("truncate", "disconnect", "error", "hang")


class Wire(Protocol):
    """How a vendor writes an answer."""

    def whole(self, answer: Answer) -> bytes: ...

    def opening(self) -> bytes: ...

    def delta(self, token: str) -> bytes: ...

    def closing(self, answer: Answer) -> bytes: ...

    def failure(self) -> bytes: ...


class Delivery:
    """One answer on its way over one connection."""

    def __init__(
        self,
        request: web.Request,
        conversation: Conversation,
        wire: Wire,
        behaviour: Behaviour,
        fault: Fault | None,
        received: Received,
    ) -> None:
        self._request = request
        self._conversation = conversation
        self._wire = wire
        self._fault = fault
        self._received = received
        self._rate = behaviour.tokens_per_second
        self._first = behaviour.first_token_seconds
        if fault is not None and fault.kind == "slow_start":
            self._first = fault.seconds
        if fault is not None and fault.kind == "slow_tokens":
            self._rate = fault.tokens_per_second
        self._headers = {errors.identity_header(conversation.dialect): errors.request_id()}

    async def deliver(self, answer: Answer) -> web.StreamResponse:
        """Send the answer; the response returned is already complete, broken or prepared to be sent."""
        if self._fault is not None and self._fault.kind == "hang" and self._hangs_before_headers():
            await self._hang()
            return web.Response(status=500)
        try:
            if self._conversation.stream:
                return await self._stream(answer)
            return await self._send_whole(answer)
        except (ConnectionResetError, asyncio.CancelledError):
            self._received.outcome = "disconnected"
            raise

    def _hangs_before_headers(self) -> bool:
        fault = self._fault
        if fault is None:
            return False
        return not self._conversation.stream or (fault.after_tokens == 0 and not fault.headers_sent)

    async def _stream(self, answer: Answer) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache", **self._headers}
        response = web.StreamResponse(headers=headers)
        await response.prepare(self._request)
        ends_early = self._fault is not None and self._fault.kind in ENDS_EARLY
        parts = answer.tokens[: self._fault.after_tokens] if self._fault and ends_early else answer.tokens
        async for token in self._paced(parts):
            if self._received.tokens_sent == 0:
                await response.write(self._wire.opening())
            await response.write(self._wire.delta(token))
            self._received.tokens_sent += 1
        if self._received.tokens_sent == 0:
            await response.write(self._wire.opening())
        if self._fault is not None and ends_early:
            await self._end_early(response, self._fault)
        else:
            await response.write(self._wire.closing(answer))
            self._received.outcome = "complete"
        return response

    async def _end_early(self, response: web.StreamResponse, fault: Fault) -> None:
        self._received.outcome = "fault"
        if fault.kind == "error":
            await response.write(self._wire.failure())
        elif fault.kind == "hang":
            await self._hang()
        elif fault.kind == "disconnect":
            self._break()

    async def _send_whole(self, answer: Answer) -> web.StreamResponse:
        async for _ in self._paced(answer.tokens):
            pass
        body = self._wire.whole(answer)
        headers = {"Content-Type": "application/json", **self._headers}
        if self._fault is not None and self._fault.kind == "error":
            self._received.outcome = "fault"
            status = 529 if self._conversation.dialect == "anthropic" else 500
            return errors.response(self._conversation.dialect, errors.ModelError(status))
        if self._fault is not None and self._fault.kind in ("truncate", "disconnect"):
            self._received.outcome = "fault"
            response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
            await response.prepare(self._request)
            await response.write(body[: len(body) // 2])
            self._break()
            return response
        self._received.tokens_sent = len(answer.tokens)
        self._received.outcome = "complete"
        return web.Response(body=body, headers=headers)

    async def _paced(self, parts: Sequence[str]) -> AsyncIterator[str]:
        """Each token when it is due; the due times are fixed at the start, so that delays do not add up."""
        loop = asyncio.get_running_loop()
        start = loop.time() + self._first
        for number, token in enumerate(parts):
            due = start + (number / self._rate if self._rate else 0)
            delay = due - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            yield token
        if not parts and self._first:
            await asyncio.sleep(self._first)

    async def _hang(self) -> None:
        """Say nothing more until the client gives up."""
        self._received.outcome = "fault"
        # aiohttp offers no event for a client's leaving unless it cancels handlers.
        while self._request.transport is not None and not self._request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(HANG_TICK_SECONDS)

    def _break(self) -> None:
        if isinstance(self._request.transport, asyncio.Transport):
            self._request.transport.abort()
