"""Sends answers over aiohttp, those as well that break off or never come."""

import asyncio

from aiohttp import web

from scripts.local.provider.wire import Answer

MAXIMUM_BODY = 40 * 1024 * 1024
_TICK = 0.05


async def send(request: web.Request, answer: Answer, closing: asyncio.Event) -> web.StreamResponse:
    """Send an answer as its ending says; `closing` lets go of the connections that hang on command."""
    headers = {**answer.headers, "Content-Type": answer.content_type}
    if answer.ending == "unanswered":
        await _hold(request, answer.wait, closing)
        return _cut(request)
    if answer.ending == "complete":
        return web.Response(status=answer.status, headers=headers, body=answer.body)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    _cut(request)
    return response


async def _hold(request: web.Request, seconds: float | None, closing: asyncio.Event) -> None:
    """Say nothing for so long, or until the client has gone or the server closes."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    while not closing.is_set() and request.transport is not None and not request.transport.is_closing():
        if end is not None and loop.time() >= end:
            return
        await asyncio.sleep(_TICK)


def _cut(request: web.Request) -> web.Response:
    """Break the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=503)
