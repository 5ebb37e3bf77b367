"""A gRPC service on 127.0.0.1: plain coroutines over a vendor's own message types, with faults on command."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
import proto

from scripts.local.faults import Faults


class Refused(Exception):
    """An answer other than OK: the official client raises its typed error for the code."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def refuse_argument(message: str) -> NoReturn:
    """Raise INVALID_ARGUMENT."""
    raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def refuse_state(message: str) -> NoReturn:
    """Raise FAILED_PRECONDITION."""
    raise Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


def refuse_missing(name: str) -> NoReturn:
    """Raise NOT_FOUND for a resource name."""
    raise Refused(grpc.StatusCode.NOT_FOUND, f"{name} not found.")


def refuse_duplicate(name: str) -> NoReturn:
    """Raise ALREADY_EXISTS for a resource name."""
    raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"{name} already exists.")


@dataclass(frozen=True)
class Method:
    """One RPC: the types on the wire and the coroutine that answers."""

    request: Any
    response: Any
    answer: Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Service:
    """A gRPC service: its full name on the wire, its short name in faults, its RPCs."""

    name: str
    short_name: str
    methods: Mapping[str, Method]


@dataclass(frozen=True)
class GrpcEndpoint:
    """A running gRPC server (plaintext), where it listens, and what else ends with it."""

    port: int
    server: grpc.aio.Server
    also_close: Callable[[], Awaitable[None]] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def target(self) -> str:
        """What `grpc.insecure_channel` takes."""
        return f"127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Stop listening and end what is under way."""
        if self.also_close is not None:
            await self.also_close()
        await self.server.stop(grace=None)


def _deserializer(message: Any) -> Callable[[bytes], Any]:
    deserialize: Callable[[bytes], Any]
    deserialize = message.deserialize if issubclass(message, proto.Message) else message.FromString
    return deserialize


def _serializer(message: Any) -> Callable[[Any], bytes]:
    serialize: Callable[[Any], bytes]
    serialize = message.serialize if issubclass(message, proto.Message) else message.SerializeToString
    return serialize


def _handler(service: Service, name: str, method: Method, faults: Faults) -> Any:
    async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        fault = faults.take(service.short_name, name)
        if fault is not None and not fault.after_commit:
            await fault.hold()
            if fault.code is not None:
                await context.abort(fault.code, "fault on command")
        try:
            answer = await _to_the_end(method.answer(request))
        except Refused as refused:
            await context.abort(refused.code, refused.message)
        if fault is not None and fault.after_commit:
            await fault.hold()
            await context.abort(fault.code, "fault on command, after the call took effect")
        return answer

    return grpc.unary_unary_rpc_method_handler(
        call,
        request_deserializer=_deserializer(method.request),
        response_serializer=_serializer(method.response),
    )


async def _to_the_end(answering: Awaitable[Any]) -> Any:
    """What it returns. A client that has gone meanwhile does not undo what it asked for."""
    task = asyncio.ensure_future(answering)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def serve_service(
    service: Service,
    faults: Faults,
    port: int = 0,
    also_close: Callable[[], Awaitable[None]] | None = None,
) -> GrpcEndpoint:
    """Listen on 127.0.0.1, on a free port unless one is given; any RPC not listed answers UNIMPLEMENTED."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers = {name: _handler(service, name, method, faults) for name, method in service.methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.name, handlers),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return GrpcEndpoint(bound, server, also_close)
