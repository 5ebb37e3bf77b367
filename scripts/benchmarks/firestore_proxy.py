"""Stands between functions and Firestore's emulator, passes every call on as it is, and counts what is asked."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.firestore_v1.types import BatchWriteRequest, CommitRequest

_WRITING: dict[str, Any] = {"Commit": CommitRequest, "BatchWrite": BatchWriteRequest}
_LONGEST_MESSAGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass
class FirestoreProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """`writes` counts documents written by their collection, `calls` requests by method."""

    target: str
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
                async for answer in call:
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
            yield request

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


@asynccontextmanager
async def firestore_proxy(target: str) -> AsyncIterator[FirestoreProxy]:
    """A proxy before `host:port` for as long as the block."""
    proxy = FirestoreProxy(target)
    server = await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close(server)
