"""Stands between functions and Firestore's emulator, passes every call on as it is, and counts what is asked."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.firestore_v1.types import (
    BatchWriteRequest,
    CommitRequest,
    ListenResponse,
    RunQueryResponse,
    TargetChange,
)

_WRITING: dict[str, Any] = {"Commit": CommitRequest, "BatchWrite": BatchWriteRequest}
_QUERIES = ("RunQuery", "RunAggregationQuery")
_LONGEST_MESSAGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass
class FirestoreProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """`writes` counts documents written or deleted by their collection, `calls` requests by method.

    `reads` are documents as they are billed: what is not there counts too, and so does a query that finds nothing; a
    listener's documents count when it is first told them, and whenever they change. An aggregation counts once, which
    is what up to a thousand entries of an index cost (https://cloud.google.com/firestore/pricing); of more, too few
    reads would be counted.
    """

    target: str
    reads: int = 0
    deletes: int = 0
    writes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    host: str = ""
    _channel: Any = None

    def service(self, handler_call_details: Any) -> Any:
        """Every method, as one of two streams: what is unary is on the wire a stream of one."""
        method = handler_call_details.method

        async def forward(requests: Any, context: Any) -> AsyncIterator[bytes]:
            metadata = [(key, value) for key, value in context.invocation_metadata() if key != "user-agent"]
            call = self._channel.stream_stream(method)(self._counted(method, requests), metadata=metadata)
            try:
                async for answer in self._read(method, call):
                    yield answer
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "")
            finally:
                call.cancel()

        return grpc.stream_stream_rpc_method_handler(forward)

    async def _counted(self, method: str, requests: Any) -> AsyncIterator[bytes]:
        name = method.rpartition("/")[2]
        self.calls[name] += 1
        async for request in requests:
            if name in _WRITING:
                for write in _WRITING[name].deserialize(request).writes:
                    path = write.update.name or write.delete
                    self.writes[path.split("/")[-2]] += 1
                    self.deletes += bool(write.delete)
            yield request

    async def _read(self, method: str, answers: Any) -> AsyncIterator[bytes]:
        name, is_empty = method.rpartition("/")[2], True
        async for answer in answers:
            if _is_read(name, answer) or (is_empty and _found_nothing(name, answer)):
                self.reads += 1
                is_empty = False
            yield answer
        self.reads += name in _QUERIES and is_empty

    def clear(self) -> None:
        """Count from zero."""
        self.reads = self.deletes = 0
        self.writes.clear()
        self.calls.clear()

    async def open(self) -> Any:
        """Serve on a free port; the server. Needs a running event loop."""
        self._channel = grpc.aio.insecure_channel(self.target, options=_LONGEST_MESSAGE)
        server = grpc.aio.server(options=_LONGEST_MESSAGE)
        server.add_generic_rpc_handlers((self,))
        self.host = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        return server

    async def close(self, server: Any) -> None:
        """Stop at once."""
        await server.stop(None)
        await self._channel.close()


def _is_read(method: str, answer: bytes) -> bool:
    if method == "RunQuery":
        return bool(RunQueryResponse.deserialize(answer).document.name)
    if method == "Listen":
        told = ListenResponse.deserialize(answer)
        return "document_change" in told or "document_remove" in told
    return method == "BatchGetDocuments"


def _found_nothing(method: str, answer: bytes) -> bool:
    """Whether a listener is told that it knows all there is; it may go on for ever."""
    if method != "Listen":
        return False
    change = ListenResponse.deserialize(answer).target_change
    return bool(change.target_change_type == TargetChange.TargetChangeType.CURRENT)


@asynccontextmanager
async def firestore_proxy(target: str) -> AsyncIterator[FirestoreProxy]:
    """A proxy before `host:port` for as long as the block."""
    proxy = FirestoreProxy(target)
    server = await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close(server)
