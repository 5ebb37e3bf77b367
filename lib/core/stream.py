"""The streaming layer: GET routes that answer with server-sent events, as a thin adapter of Starlette.

Identity, limits, problems and the log line are those of `lib.core.http`; handlers are asynchronous, and yield events.
Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from inspect import getdoc
from types import FrameType
from typing import Any, Protocol, get_type_hints

from pydantic import BaseModel, ValidationError
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import compile_path
from starlette.types import Send

from lib.core import problems, settings, telemetry
from lib.core.environment import Environment
from lib.core.errors import MEDIA_TYPE, MethodNotAllowed, NotFound, Problem
from lib.core.http_models import ProblemDocument
from lib.core.identity import CallerSettings, GatewaySettings, Identity, Request, identify
from lib.core.limits import Limit
from lib.core.request_log import RequestLog, request_log
from lib.core.secrets import missing

VERSION = "1"
HEARTBEAT = timedelta(seconds=15)
THREADS = 64
RECONNECT_MILLISECONDS = 500
RECONNECT_AFTER_PROBLEM_SECONDS = "5"
EVENT_STREAM = "text/event-stream"
RESUMPTION_QUERY = "last_event_id"
PASSING = (429, 500, 502, 503, 504)


class Event(Protocol):
    """What a handler yields: perhaps an id to resume from, and one line of data."""

    @property
    def id(self) -> str | None: ...

    @property
    def data(self) -> str: ...


Events = AsyncIterator[Any]
Handler = Callable[..., Awaitable[Events | None]]


_RESUMPTION: list[dict[str, Any]] = [
    {
        "name": name,
        "in": place,
        "required": False,
        "description": "The id of the last event that came: what follows it is sent",
        "schema": {"type": "string"},
    }
    for name, place in (("Last-Event-ID", "header"), (RESUMPTION_QUERY, "query"))
]
# Before version 3.2, OpenAPI has no other place for what each of the events is: https://spec.openapis.org/oas/v3.2.0
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One event",
    "properties": {"id": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
_RESPONSES: dict[str, Any] = {
    "200": {
        "description": "Server-sent events, the last one with the data [DONE]",
        "content": {EVENT_STREAM: {"schema": _EVENT}},
    },
    "204": {"description": "There is nothing to send"},
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}},
    },
}


@dataclass(frozen=True)
class Route:
    """A route, with what its handler takes."""

    rule: str
    pattern: Any
    handler: Handler
    path: type[BaseModel] | None

    @property
    def summary(self) -> str:
        """The first line of the handler's documentation."""
        return (getdoc(self.handler) or "").partition("\n")[0]

    def operation(self) -> dict[str, Any]:
        """The route as OpenAPI 3.1 has it."""
        fields = self.path.model_json_schema() if self.path is not None else {}
        properties: dict[str, Any] = fields.get("properties", {})
        named = [
            {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in properties.items()
        ]
        return {
            "operationId": getattr(self.handler, "__name__", self.rule),
            "summary": self.summary,
            "parameters": [*named, *_RESUMPTION],
            "responses": _RESPONSES,
        }


class StreamService:
    """A function's streaming routes. Awaited with Starlette's request, as functions-framework does, it answers it."""

    def __init__(
        self,
        title: str,
        *,
        headers: dict[str, str],
        ending: Callable[[], Awaitable[None]],
        limit: Limit | None = None,
        requires: tuple[type[settings.Settings], ...] = (),
        secrets: tuple[str, ...] = (),
        heartbeat: timedelta = HEARTBEAT,
    ):
        """`ending` is awaited when the instance is told to end; `heartbeat` is the longest silence.

        Raises `InvalidSettings`.
        """
        limit_settings = limit.settings if limit is not None else ()
        settings.require(
            Environment,
            GatewaySettings,
            CallerSettings,
            *limit_settings,
            *requires,
            further=missing(secrets),
        )
        self.title = title
        self.routes: list[Route] = []
        self._headers = headers
        self._limit = limit
        self._ending = ending
        self._heartbeat = heartbeat
        self._is_prepared = False

    def get(self, rule: str) -> Callable[[Handler], Handler]:
        """Register a route; the handler takes `identity`, `path` and `last_event_id`, and returns events or None."""

        def register(handler: Handler) -> Handler:
            pattern, _, _ = compile_path(rule)
            self.routes.append(Route(rule, pattern, handler, get_type_hints(handler).get("path")))
            return handler

        return register

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the routes."""
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": VERSION},
            "paths": {route.rule: {"get": route.operation()} for route in self.routes},
            "components": {"schemas": {ProblemDocument.__name__: ProblemDocument.model_json_schema()}},
        }

    async def __call__(self, request: StarletteRequest) -> Response:
        self._prepare()
        with ExitStack() as stack:
            log = stack.enter_context(request_log(request.method, request.headers.get("X-Cloud-Trace-Context")))
            try:
                events = await self._events(request)
            except Exception as error:
                return self._problem_response(request, error, log)
            if events is None:
                log.status = 204
                return Response(status_code=204, headers={"X-Request-Id": log.request_id})
            log.status = 200
            ends = stack.pop_all()
        return _EventResponse(events, ends, self._heartbeat, self._headers | {"X-Request-Id": log.request_id})

    def _problem_response(self, request: StarletteRequest, error: Exception, log: RequestLog) -> Response:
        """The problem as such; for one that passes, an EventSource gets an event instead, since anything but a 200
        would keep it from ever coming back.
        """
        problem = problems.problem(error)
        telemetry.add(problem=problem.type())
        log.status = problem.status
        document = problem.document(log.request_id)
        headers = {"X-Request-Id": log.request_id}
        if problem.status in PASSING and EVENT_STREAM in request.headers.get("Accept", ""):
            chunk = json.dumps({"type": "data-problem", "data": document, "transient": True})
            text = f"retry: {_reconnect_seconds(problem)}000\ndata: {chunk}\n\n"
            return Response(text, 200, self._headers | headers)
        return Response(json.dumps(document), problem.status, {**problem.headers, **headers}, MEDIA_TYPE)

    async def _events(self, request: StarletteRequest) -> Events | None:
        route, values = self._route(request)
        telemetry.add(route=f"GET {route.rule}")
        identity = await self._identify(request)
        unknown = [name for name in request.query_params if name != RESUMPTION_QUERY]
        if unknown:
            raise problems.unknown_query(unknown)
        arguments: dict[str, Any] = {"identity": identity, "last_event_id": _last_event_id(request)}
        if route.path is not None:
            arguments["path"] = _validated(route.path, values)
        return await route.handler(**arguments)

    def _route(self, request: StarletteRequest) -> tuple[Route, dict[str, str]]:
        for route in self.routes:
            match = route.pattern.match(request.url.path)
            if match:
                if request.method != "GET":
                    raise MethodNotAllowed(headers={"Allow": "GET"})
                return route, match.groupdict()
        raise NotFound()

    async def _identify(self, request: StarletteRequest) -> Identity:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        received = Request(request.headers, request.method, target, b"")
        identity = await asyncio.to_thread(identify, received)
        telemetry.add(person=telemetry.person_hash(identity.person), caller=identity.caller)
        if self._limit is not None and identity.session is not None:
            await asyncio.to_thread(self._limit, identity.person)
        return identity

    def _prepare(self) -> None:
        """At the first request, since functions-framework tells nothing of the start: threads, and the end."""
        if self._is_prepared:
            return
        self._is_prepared = True
        loop = asyncio.get_running_loop()
        # The usual handful would have every other request wait while a few runs gather their contexts.
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="lib"))
        self._listen_for_the_end(loop)

    def _listen_for_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Chain into the server's own handling of SIGTERM, which tells running streams nothing."""
        tasks: list[asyncio.Task[None]] = []
        before = signal.getsignal(signal.SIGTERM)

        async def end() -> None:
            await self._ending()

        def received(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(end())))
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGTERM, received)


class _EventResponse(StreamingResponse):
    """Events as text, with a comment whenever nothing was sent for a while.

    One timer goes beside the events: to wait for each with a time limit would cost more than to send it.
    """

    def __init__(self, events: Events, ends: ExitStack, heartbeat: timedelta, headers: dict[str, str]) -> None:
        super().__init__(_lines(events), headers=headers)
        self._ends = ends
        self._heartbeat = heartbeat.total_seconds()
        self._sent_at = 0.0

    async def stream_response(self, send: Send) -> None:
        """Send all of it, and end the request's log however that ends."""
        with self._ends:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send(send, f"retry: {RECONNECT_MILLISECONDS}\n\n")
            beating = asyncio.create_task(self._beat(send))
            try:
                async for line in self.body_iterator:
                    await self._send(send, line)
            finally:
                beating.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, text: Any) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _beat(self, send: Send) -> None:
        """Fill silence until cancelled, or until the client is gone, of which whoever sends the events learns too."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while True:
                silent_until = self._sent_at + self._heartbeat
                if loop.time() < silent_until:
                    await asyncio.sleep(silent_until - loop.time())
                else:
                    await self._send(send, ": still here\n\n")


async def _lines(events: Events) -> AsyncIterator[str]:
    """The events as text. Nothing is raised from here:

    functions-framework would begin a second response in the midst of this one.
    """
    try:
        async for event in events:
            named = f"id: {event.id}\n" if event.id is not None else ""
            yield f"{named}data: {event.data}\n\n"
    except Exception as error:
        telemetry.error("stream broke", error)


def _last_event_id(request: StarletteRequest) -> str | None:
    """From the header, or from the query for clients that cannot set one."""
    return request.headers.get("Last-Event-ID") or request.query_params.get(RESUMPTION_QUERY)


def _validated(model: type[BaseModel], values: dict[str, str]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise problems.invalid(error) from None


def _reconnect_seconds(problem: Problem) -> str:
    wanted = problem.headers.get("Retry-After", "")
    return wanted if wanted.isascii() and wanted.isdecimal() else RECONNECT_AFTER_PROBLEM_SECONDS
