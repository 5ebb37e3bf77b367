"""The front door of the functions: does to a request what Cloud Run does before and after the container.

`/<function>/…` on one origin stands for `https://<function>-….run.app/…`: the name is stripped. Then admission,
the limit of 32 MiB, the concurrency of instances, the timeout; bodies stream through unbuffered in both directions,
and a client that goes away is noticed by the function. What the front end answers by itself is in `refusals`, what
befalls requests on command in `mishaps`.
Not imitated: IAM policies other than the catalogue's callers, scaling by load, HTTP/2, WebSockets.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from scripts.local import refusals, trace
from scripts.local.admission import Admission, NotAllowed, NotAuthenticated
from scripts.local.catalog import Catalog, Function
from scripts.local.mishaps import Mishap, Mishaps, spoken_for
from scripts.local.process import Instance, InstanceFailed, NoInstance, Supervisor

# https://cloud.google.com/run/quotas#request_limits
REQUEST_LIMIT_BYTES = 32 * 1024 * 1024
CONNECT_SECONDS = 5.0
# What a mishap waits to see may come in two pieces.
OVERLAP_BYTES = 256
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect")
)


class TooLarge(Exception):
    """More bytes came than a request may have."""


class CutOff(Exception):
    """The connection to the client ends here, on command."""


@dataclass(eq=False)
class FrontDoor:
    """Admits and forwards. Use as an async context: it holds the connections to instances."""

    catalog: Catalog
    supervisor: Supervisor
    admission: Admission
    mishaps: Mishaps = field(default_factory=Mishaps)
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _under_way: "set[Exchange]" = field(default_factory=set, init=False)
    _beside: set[asyncio.Task[None]] = field(default_factory=set, init=False)

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
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
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
        exchange = Exchange(request, name, row, replaced, await self.mishaps.take(name, request))
        try:
            async with asyncio.timeout(row.timeout):
                if exchange.mishap is not None:
                    await self._befall(exchange, exchange.mishap)
                async with self.supervisor.services[name].slot() as instance:
                    return await self._forward(exchange, instance)
        except CutOff:
            return exchange.cut_off()
        except TimeoutError:
            return exchange.break_off(refusals.timed_out())
        except NoInstance:
            return refusals.no_instance()
        except InstanceFailed:
            return refusals.broken()

    async def _befall(self, exchange: "Exchange", mishap: Mishap) -> None:
        """What happens before the request reaches an instance. Raises `InstanceFailed` if it is not to reach any."""
        if not mishap.kind.startswith("kill"):
            self.mishaps.note(mishap, exchange.request)
        match mishap.kind:
            case "refuse":
                raise InstanceFailed(f"{exchange.name} is refused on command")
            case "delay":
                await asyncio.sleep(mishap.seconds)
            case "kill_before":
                await self._kill(exchange, mishap, None)
            case "twice":
                # The copy needs the body as well.
                await exchange.request.read()
                self._go_on_beside(self._repeat(exchange, mishap.seconds))

    async def _forward(self, exchange: "Exchange", instance: Instance) -> web.StreamResponse:
        mishap, exchange.instance = exchange.mishap, instance
        self._under_way.add(exchange)
        try:
            if mishap is not None and mishap.kind == "kill" and mishap.seen is None:
                self._go_on_beside(self._kill(exchange, mishap, instance, mishap.seconds))
            async with self._sent(exchange, instance) as upstream:
                if mishap is not None and mishap.kind == "lose_answer":
                    await upstream.read()
                    raise CutOff
                async for seen in exchange.relay(upstream):
                    if mishap is not None and mishap.seen is not None and mishap.seen.encode() in seen:
                        await self._end_early(exchange, mishap, instance)
            if mishap is not None and mishap.kind == "kill_after":
                await self._kill(exchange, mishap, instance)
            return exchange.finished()
        except (aiohttp.ClientError, ConnectionError, TooLarge):
            return exchange.break_off(refusals.too_large() if exchange.too_large else refusals.broken())
        finally:
            self._under_way.discard(exchange)

    def _sent(self, exchange: "Exchange", instance: Instance) -> Any:
        """The request on its way to the instance, as a context of its answer."""
        if self._session is None:
            raise RuntimeError("the front door is not open")
        return self._session.request(
            exchange.request.method,
            exchange.url(instance),
            headers=exchange.forwarded_headers(),
            data=exchange.body() if exchange.request.body_exists else None,
            allow_redirects=False,
        )

    async def _repeat(self, exchange: "Exchange", seconds: float) -> None:
        """Deliver a copy of the request, whose answer nobody gets."""
        await asyncio.sleep(seconds)
        copy = Exchange(exchange.request, exchange.name, exchange.row, exchange.replaced)
        service = self.supervisor.services[copy.name]
        with suppress(aiohttp.ClientError, ConnectionError, TimeoutError, InstanceFailed, NoInstance):
            async with asyncio.timeout(copy.row.timeout), service.slot() as one, self._sent(copy, one) as upstream:
                await upstream.read()

    async def _end_early(self, exchange: "Exchange", mishap: Mishap, instance: Instance) -> None:
        if mishap.kind == "cut":
            raise CutOff
        if mishap.kind == "kill":
            await self._kill(exchange, mishap, instance)

    async def _kill(
        self, exchange: "Exchange", mishap: Mishap, instance: Instance | None, seconds: float = 0.0
    ) -> None:
        """Kill the instance, or all of the function's; on record is whose requests are lost with it."""
        await asyncio.sleep(seconds)
        service = self.supervisor.services[exchange.name]
        hit = service.instances if instance is None else [instance]
        lost = [spoken_for(one.request.headers) for one in self._under_way if one.instance in hit]
        self.mishaps.note(mishap, exchange.request, lost)
        await service.kill(None if instance is None else instance.id)

    def _go_on_beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


@dataclass(eq=False)
class Exchange:
    """One request on its way through, and how far its answer got."""

    request: web.Request
    name: str
    row: Function
    replaced: dict[str, str]
    mishap: Mishap | None = None
    instance: Instance | None = None
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
        async for chunk in self._received():
            size += len(chunk)
            if size > REQUEST_LIMIT_BYTES:
                self.too_large = True
                raise TooLarge
            yield chunk

    async def _received(self) -> AsyncIterator[bytes]:
        if self.request.content.at_eof():
            # Somebody had to look at the body before.
            yield await self.request.read()
        async for chunk in self.request.content.iter_any():
            yield chunk

    async def relay(self, upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Hand the answer on while it comes; what came last, together with the end of what came before it."""
        headers = _end_to_end(upstream.headers)
        headers["Server"] = refusals.SERVER
        self.answer = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
        await self.answer.prepare(self.request)
        before = b""
        async for chunk in upstream.content.iter_any():
            await self.answer.write(chunk)
            yield before + chunk
            before = chunk[-OVERLAP_BYTES:]
        await self.answer.write_eof()

    def finished(self) -> web.StreamResponse:
        """The answer that was handed on."""
        if self.answer is None:
            raise RuntimeError("there is no answer yet")
        return self.answer

    def break_off(self, refusal: web.Response) -> web.StreamResponse:
        """Refuse; or, if the answer has begun, close the connection so that its end cannot pass for a whole one."""
        if self.answer is None or not self.answer.prepared:
            return refusal
        return self.cut_off()

    def cut_off(self) -> web.StreamResponse:
        """Close the connection; what is returned reaches nobody."""
        if self.request.transport is not None:
            self.request.transport.close()
        return self.answer or refusals.broken()


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
