"""The fake Google as one aiohttp application on one port."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from scripts.local.google.control import control_routes
from scripts.local.google.settings import GoogleConfig
from scripts.local.google.wire import Answer, Call
from scripts.local.google.world import Google
from scripts.local.http_endpoint import HttpEndpoint, serve_application

_MAXIMUM_BODY = 40 * 1024 * 1024
_TICK = 0.05


@dataclass(frozen=True, slots=True)
class GoogleHandle:
    """The running fake Google; `google` is its state, for those on the same event loop."""

    endpoint: HttpEndpoint
    google: Google
    closing: asyncio.Event

    @property
    def port(self) -> int:
        return self.endpoint.port

    @property
    def url(self) -> str:
        """The origin, without a slash at the end."""
        return self.endpoint.url

    async def close(self) -> None:
        """Stop listening, and let go of the connections that hang on command."""
        self.closing.set()
        await self.endpoint.close()


async def serve(config: GoogleConfig) -> GoogleHandle:
    """Serve one Google on 127.0.0.1; OSError if the port is busy."""
    google, closing = Google.of(config), asyncio.Event()
    application = web.Application(client_max_size=_MAXIMUM_BODY)

    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call.of_target(request.method, request.raw_path, request.headers, await request.read())
        answer = await google.answer(call, f"{request.scheme}://{request.host}")
        return await _send(request, answer, closing)

    application.add_routes(control_routes(google))
    application.router.add_route("*", "/{path:.*}", handle)
    return GoogleHandle(await serve_application(application, config.port), google, closing)


async def _send(request: web.Request, answer: Answer, closing: asyncio.Event) -> web.StreamResponse:
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
