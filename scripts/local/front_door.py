"""The front door of the functions: does to a request what Cloud Run does before and after the container.

`/<function>/…` on one origin stands for `https://<function>-….run.app/…`: the name is stripped. Then admission,
the limit of 32 MiB, the concurrency of instances, the timeout; bodies stream through unbuffered in both directions,
and a client that goes away is noticed by the function. What the front end answers by itself is in `refusals`.
Not imitated: IAM policies other than the catalogue's callers, scaling by load, HTTP/2, WebSockets.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from scripts.local import refusals, trace
from scripts.local.admission import Admission, NotAllowed, NotAuthenticated
from scripts.local.catalog import Catalog, Function
from scripts.local.process import Instance, InstanceFailed, NoInstance, Supervisor

# https://cloud.google.com/run/quotas#request_limits
REQUEST_LIMIT_BYTES = 32 * 1024 * 1024
CONNECT_SECONDS = 5.0
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect")
)


class TooLarge(Exception):
    """More bytes came than a request may have."""


@dataclass(eq=False)
class FrontDoor:
    """Admits and forwards. Use as an async context: it holds the connections to instances."""

    catalog: Catalog
    supervisor: Supervisor
    admission: Admission
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def __aenter__(self) -> "FrontDoor":
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            # An instance may close an idle connection just when it is used again, so each request has its own.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def routes(self) -> list[web.RouteDef]:
        """Everything under a function's name; to be added after the more particular routes of the origin."""
        return [web.route("*", "/{function}", self.handle), web.route("*", "/{function}/{rest:.*}", self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        name = request.match_info["function"]
        row = self.catalog.functions.get(name)
        if row is None:
            return refusals.no_such_service()
        try:
            replaced = self.admission.admit(name, row, request.headers)
        except NotAuthenticated:
            return refusals.unauthenticated()
        except NotAllowed:
            return refusals.forbidden(request.path)
        if (request.content_length or 0) > REQUEST_LIMIT_BYTES:
            return refusals.too_large()
        exchange = Exchange(request, name, row, replaced)
        try:
            async with asyncio.timeout(row.timeout), self.supervisor.services[name].slot() as instance:
                return await self._forward(exchange, instance)
        except TimeoutError:
            return exchange.break_off(refusals.timed_out())
        except NoInstance:
            return refusals.no_instance()
        except InstanceFailed:
            return refusals.broken()

    async def _forward(self, exchange: "Exchange", instance: Instance) -> web.StreamResponse:
        if self._session is None:
            raise RuntimeError("the front door is not open")
        try:
            async with self._session.request(
                exchange.request.method,
                exchange.url(instance),
                headers=exchange.forwarded_headers(),
                data=exchange.body() if exchange.request.body_exists else None,
                allow_redirects=False,
            ) as upstream:
                return await exchange.relay(upstream)
        except (aiohttp.ClientError, ConnectionError, TooLarge):
            return exchange.break_off(refusals.too_large() if exchange.too_large else refusals.broken())


@dataclass(eq=False)
class Exchange:
    """One request on its way through, and how far its answer got."""

    request: web.Request
    name: str
    row: Function
    replaced: dict[str, str]
    too_large: bool = False
    answer: web.StreamResponse | None = None

    def url(self, instance: Instance) -> URL:
        """Where the instance takes it: byte for byte the path that came, without the function's name."""
        path = _path(self.request, self.name)
        return URL(f"http://127.0.0.1:{instance.port}{path}", encoded=True)

    def forwarded_headers(self) -> CIMultiDict[str]:
        """What the container sees: https://cloud.google.com/run/docs/container-contract"""
        headers = _end_to_end(self.request.headers)
        headers.update(self.replaced)
        headers.update(trace.headers(self.request.headers))
        came_from = self.request.remote or "127.0.0.1"
        headers["X-Forwarded-For"] = ", ".join(filter(None, (self.request.headers.get("X-Forwarded-For"), came_from)))
        headers["X-Forwarded-Proto"] = "https" if self.request.secure else "http"
        return headers

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body as it arrives. Raises `TooLarge` if it has no declared length and passes the limit."""
        size = 0
        async for chunk in self.request.content.iter_any():
            size += len(chunk)
            if size > REQUEST_LIMIT_BYTES:
                self.too_large = True
                raise TooLarge
            yield chunk

    async def relay(self, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
        """Hand the answer on while it comes."""
        headers = _end_to_end(upstream.headers)
        headers["Server"] = refusals.SERVER
        answer = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
        self.answer = answer
        await answer.prepare(self.request)
        async for chunk in upstream.content.iter_any():
            await answer.write(chunk)
        await answer.write_eof()
        return answer

    def break_off(self, refusal: web.Response) -> web.StreamResponse:
        """Refuse; or, if the answer has begun, close the connection so that its end cannot pass for a whole one."""
        if self.answer is None or not self.answer.prepared:
            return refusal
        if self.request.transport is not None:
            self.request.transport.close()
        return self.answer


def _end_to_end(received: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict(received)
    listed = {token.strip().lower() for value in headers.getall("Connection", []) for token in value.split(",")}
    for header in {header.lower() for header in headers} & (HOP_BY_HOP | listed):
        headers.popall(header)
    return headers


def _path(request: web.Request, name: str) -> str:
    """The path and query without the function's name; never empty."""
    rest = request.raw_path.removeprefix(f"/{name}")
    return rest if rest.startswith("/") else f"/{rest}"
