"""The one origin of the local cloud: one aiohttp application on a socket that was bound beforehand."""

import socket
from collections.abc import Iterable

from aiohttp import web

from scripts.local.http_endpoint import HttpEndpoint

BODY_LIMIT_BYTES = 32 * 1024 * 1024
SHUTDOWN_SECONDS = 0.5


async def serve_origin(routes: Iterable[web.RouteDef], listener: socket.socket) -> HttpEndpoint:
    """Listen. Earlier routes win, and a handler is cancelled when its client goes away."""
    application = web.Application(client_max_size=BODY_LIMIT_BYTES)
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return HttpEndpoint(listener.getsockname()[1], runner)
