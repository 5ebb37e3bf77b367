"""A worker for tasks and jobs: it records what reaches it and answers as it is told."""

import asyncio
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from multidict import CIMultiDictProxy

from scripts.local.http_endpoint import HttpEndpoint, serve_application


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass
class HttpTarget:
    """Answers 200, or what `statuses` holds for the next requests; keeps waiting those that come while `hanging`."""

    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    answer_headers: dict[str, str] = field(default_factory=dict)
    hanging: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)
    endpoint: HttpEndpoint | None = None

    @classmethod
    async def serve(cls) -> Self:
        worker = cls()
        application = web.Application(client_max_size=4 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", worker._handle)
        worker.endpoint = await serve_application(application)
        return worker

    @property
    def url(self) -> str:
        assert self.endpoint is not None
        return f"{self.endpoint.url}/work"

    async def close(self) -> None:
        self.released.set()
        assert self.endpoint is not None
        await self.endpoint.close()

    async def _handle(self, request: web.Request) -> web.Response:
        self.received.append(Received(request.method, request.path, request.headers, await request.read()))
        if self.hanging:
            await self.released.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.answer_headers)
