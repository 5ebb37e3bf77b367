"""The fake Google as one aiohttp application on one port."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from scripts.local.google.control import control_routes
from scripts.local.google.method_override import meant
from scripts.local.google.settings import GoogleConfig
from scripts.local.google.world import Google
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.provider.sending import MAXIMUM_BODY, send
from scripts.local.provider.wire import Call


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
    application = web.Application(client_max_size=MAXIMUM_BODY)

    async def handle(request: web.Request) -> web.StreamResponse:
        call = meant(Call.of_target(request.method, request.raw_path, request.headers, await request.read()))
        answer = await google.answer(call, f"{request.scheme}://{request.host}")
        return await send(request, answer, closing)

    application.add_routes(control_routes(google))
    application.router.add_route("*", "/{path:.*}", handle)
    return GoogleHandle(await serve_application(application, config.port), google, closing)
