"""Stands between a function and a provider's APIs, and notes how long each call takes; may make all of them slower."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from scripts.local.front_door import HOP_BY_HOP
from scripts.local.http_endpoint import serve_application

BODY_LIMIT = 32 * 1024 * 1024


@dataclass
class ProviderProxy:
    """`calls` are begin and end of each, by the performance counter; `delay` is added to each. All in seconds."""

    target: str
    session: aiohttp.ClientSession
    delay: float = 0.0
    calls: list[tuple[float, float]] = field(default_factory=list)
    url: str = ""

    @property
    def slowest(self) -> float:
        """Seconds of the longest call."""
        return max(ended - began for began, ended in self.calls)

    @property
    def under_way(self) -> float:
        """Seconds in which at least one call was under way."""
        total, reached = 0.0, 0.0
        for began, ended in sorted(self.calls):
            total += max(0.0, ended - max(began, reached))
            reached = max(reached, ended)
        return total

    async def pass_on(self, request: web.Request) -> web.Response:
        """Ask the provider, and hand the whole answer on; links in it to the provider lead here."""
        began = time.perf_counter()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in {*HOP_BY_HOP, "host"}}
        await asyncio.sleep(self.delay)
        async with self.session.request(
            request.method, f"{self.target}{request.raw_path}", headers=headers, data=await request.read()
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in NOT_PASSED}
            body = (await answer.read()).replace(self.target.encode(), self.url.encode())
            returned = web.Response(status=answer.status, body=body, headers=kept)
        self.calls.append((began, time.perf_counter()))
        return returned


NOT_PASSED = HOP_BY_HOP | {"content-length"}


@asynccontextmanager
async def provider_proxy(target: str, certificates: Path) -> AsyncIterator[ProviderProxy]:
    """A proxy for as long as the block; itself plain HTTP, also before a provider whom `certificates` vouch for."""
    connector = aiohttp.TCPConnector(limit=0, ssl=ssl.create_default_context(cafile=certificates))
    async with aiohttp.ClientSession(auto_decompress=False, connector=connector) as session:
        proxy = ProviderProxy(target, session)
        application = web.Application(client_max_size=BODY_LIMIT)
        application.add_routes([web.route("*", "/{path:.*}", proxy.pass_on)])
        endpoint = await serve_application(application)
        proxy.url = endpoint.url
        try:
            yield proxy
        finally:
            await endpoint.close()
