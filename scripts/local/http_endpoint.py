"""An aiohttp application listening on 127.0.0.1, by HTTP or HTTPS."""

import ssl
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class HttpEndpoint:
    """A running server and where it listens."""

    port: int
    runner: web.AppRunner
    scheme: str = "http"

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, as `GCE_METADATA_HOST` wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    async def close(self) -> None:
        """Stop listening and end what is under way."""
        await self.runner.cleanup()


async def serve_application(
    application: web.Application, port: int = 0, tls: ssl.SSLContext | None = None
) -> HttpEndpoint:
    """Listen on 127.0.0.1, on a free port unless one is given; OSError if that one is busy. HTTPS with `tls`."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return HttpEndpoint(runner.addresses[0][1], runner, "https" if tls else "http")
