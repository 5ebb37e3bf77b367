"""The fake Microsoft as two aiohttp applications: itself by HTTPS, its control API by HTTP."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from scripts.local.certificates import server_context
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.microsoft.control import control_routes
from scripts.local.microsoft.settings import MicrosoftConfig
from scripts.local.microsoft.world import Microsoft
from scripts.local.provider.sending import MAXIMUM_BODY, send
from scripts.local.provider.wire import Call


@dataclass(frozen=True, slots=True)
class MicrosoftHandle:
    """The running fake Microsoft; `microsoft` is its state, for those on the same event loop."""

    endpoint: HttpEndpoint
    control: HttpEndpoint
    microsoft: Microsoft
    closing: asyncio.Event

    @property
    def url(self) -> str:
        """The origin, without a slash at the end."""
        return self.endpoint.url

    async def close(self) -> None:
        """Stop listening, and let go of the connections that hang on command."""
        self.closing.set()
        await asyncio.gather(self.endpoint.close(), self.control.close())


async def serve(config: MicrosoftConfig) -> MicrosoftHandle:
    """Serve one Microsoft on 127.0.0.1; OSError if the port is busy."""
    microsoft, closing = Microsoft.of(config), asyncio.Event()
    application = web.Application(client_max_size=MAXIMUM_BODY)

    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call.of_target(request.method, request.raw_path, request.headers, await request.read())
        answer = await microsoft.answer(call, f"{request.scheme}://{request.host}")
        return await send(request, answer, closing)

    application.router.add_route("*", "/{path:.*}", handle)
    control = web.Application()
    control.add_routes(control_routes(microsoft))
    endpoint = await serve_application(application, config.port, server_context(config.certificate))
    return MicrosoftHandle(endpoint, await serve_application(control), microsoft, closing)
