"""One streamed exchange with a provider: the request, its refusals, its time limits, its end."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

import orjson
from aiohttp import ClientError, ClientResponse

from lib.ai import sse
from lib.ai.errors import ModelError, ModelRateLimited, ModelRejected, ModelTimedOut, ModelUnavailable

_DRAIN_SECONDS = 0.2
_LOOKS_AGAIN_SECONDS = 60.0
_RATE_LIMITED = 429
_TRANSIENT = frozenset({408, 409, 425})
_OVERLOADED_TYPES = frozenset({"overloaded_error", "api_error", "server_error", "timeout_error"})


class Patience:
    """How long to wait: for the first token, counted from the beginning; then between one event and the next."""

    def __init__(self, first_token_within: timedelta, idle_within: timedelta):
        self._first_by = asyncio.get_running_loop().time() + first_token_within.total_seconds()
        self._idle = idle_within.total_seconds()
        self.begun = False
        """Set by the reader of the exchange when the first token has come."""
        self.ended = False
        """Set by the reader of the exchange when the provider has said that this was all."""

    def until(self) -> float:
        """The instant, in the loop's time, until which the next event may take."""
        return asyncio.get_running_loop().time() + self._idle if self.begun else self._first_by

    def lost(self) -> ModelTimedOut:
        """What to raise when that instant has passed."""
        return ModelTimedOut("no further event in time" if self.begun else "no first token in time")


class _Watch:
    """Breaks the reading of a body when the next event is late. Use as an async context.

    One timer serves the whole exchange, and looks anew when it was too early: a time limit around the wait for each
    event would cost as much as the event.
    """

    def __init__(self, response: ClientResponse, patience: Patience):
        self._content = response.content
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._until = patience.until()
        self._timer = self._loop.call_at(self._until, self._look)
        self._waits = False

    async def __aenter__(self) -> "_Watch":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()

    def begin(self) -> None:
        """Somebody waits for the next event."""
        self._waits = True
        self._until = self._patience.until()
        if self._until < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._until, self._look)

    def pause(self) -> None:
        """The event has come; what its reader does with it takes none of the provider's time."""
        self._waits = False

    def _look(self) -> None:
        now = self._loop.time()
        if self._waits and now >= self._until:
            self._content.set_exception(TimeoutError())
        else:
            self._timer = self._loop.call_at(self._until if self._waits else now + _LOOKS_AGAIN_SECONDS, self._look)


async def exchange(
    url: str, headers: Mapping[str, str], body: Mapping[str, Any], patience: Patience
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """Post the body and yield each event's JSON, or None for OpenAI's `[DONE]`.

    However the generator ends, the connection is closed unless the body was read to its end. Raises `ModelError`s.
    """
    response: ClientResponse | None = None
    try:
        async with asyncio.timeout_at(patience.until()):
            response = await sse.session().post(url, data=orjson.dumps(body), headers=headers, allow_redirects=False)
        if response.status != 200:
            raise _refusal(response)
        async with aclosing(sse.events(response.content.iter_any())) as events, _Watch(response, patience) as watch:
            while True:
                watch.begin()
                data = await anext(events, None)
                watch.pause()
                if data is None:
                    return
                yield _document(data)
                if patience.ended:
                    await _drain(events)
                    return
    except TimeoutError:
        raise patience.lost() from None
    except (ClientError, OSError) as error:
        raise ModelUnavailable(f"the connection failed: {type(error).__name__}") from None
    finally:
        if response is not None and not response.content.at_eof():
            response.close()


def failure(error: object) -> ModelError:
    """The error for what a provider reports within a stream that began well."""
    kind = str(error.get("type") or error.get("code") or "") if isinstance(error, dict) else ""
    if kind in ("rate_limit_error", "rate_limit_exceeded"):
        return ModelRateLimited("rate limited within the stream")
    if kind in ("invalid_request_error", "authentication_error", "permission_error", "not_found_error"):
        return ModelRejected(f"refused within the stream: {kind}")
    return ModelUnavailable("failed within the stream" + (f": {kind}" if kind in _OVERLOADED_TYPES else ""))


async def _drain(events: AsyncGenerator[bytes, None]) -> None:
    """Read the body's end, so that the connection can serve the next answer; not worth waiting for, nor failing."""
    with suppress(TimeoutError, ClientError, ModelError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in events:
                pass


def _refusal(response: ClientResponse) -> ModelError:
    status = response.status
    if status == _RATE_LIMITED:
        return ModelRateLimited("rate limited", _retry_after(response))
    if 400 <= status < 500 and status not in _TRANSIENT:
        return ModelRejected(f"refused with status {status}")
    return ModelUnavailable(f"answered with status {status}")


def _retry_after(response: ClientResponse) -> timedelta | None:
    """The header's seconds (RFC 9110, section 10.2.3); its other form, a date, no provider of models sends."""
    try:
        return timedelta(seconds=float(response.headers["Retry-After"]))
    except (KeyError, ValueError, OverflowError):
        return None


def _document(data: bytes) -> dict[str, Any] | None:
    if data == b"[DONE]":
        return None
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ModelUnavailable("an event is not JSON") from None
    if not isinstance(document, dict):
        raise ModelUnavailable("an event is not an object")
    return document
