"""Cloud KMS as this process reaches it: the emulator itself, or behind a line that changes what it carries."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from lib.core import kms
from lib.core.keys import KeySettings
from lib.core.kms import KmsSettings
from lib.core.signature_settings import SignatureSettings
from scripts.local.project import ATTESTATION_KEY, VAULT_KEY
from tests.accounts.answering import configured


@contextmanager
def reached(endpoint: str) -> Iterator[None]:
    """The block reaches KMS at this endpoint."""
    here = KmsSettings(kms_endpoint=endpoint)
    with configured(here, KeySettings(vault_key=VAULT_KEY), SignatureSettings(attestation_key=ATTESTATION_KEY)):
        kms.client.cache_clear()
        try:
            yield
        finally:
            kms.client.cache_clear()


class Line(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Carries requests and responses, each through a change."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self.there: Callable[[bytes], bytes] = bytes
        self.back: Callable[[bytes], bytes] = bytes

    def service(self, details: Any) -> Any:
        ask = self._channel.unary_unary(details.method)

        def carry(request: bytes, context: Any) -> bytes:
            try:
                return self.back(ask(self.there(request), timeout=5, metadata=details.invocation_metadata))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
                raise

        return grpc.unary_unary_rpc_method_handler(carry)


@contextmanager
def line_to(endpoint: str) -> Iterator[Line]:
    """The block reaches KMS by a line."""
    line = Line(endpoint.removeprefix("http://"))
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((line,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with reached(f"http://127.0.0.1:{port}"):
        yield line
    server.stop(None).wait()


def changing(message: Any, field: str) -> Callable[[bytes], bytes]:
    """Flips one bit of a field, a truth, or a letter."""

    def change(carried: bytes) -> bytes:
        parsed = message.deserialize(carried)
        setattr(parsed, field, _other(getattr(parsed, field)))
        return bytes(message.serialize(parsed))

    return change


def _other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case str():
            return chr(ord(value[0]) ^ 1) + value[1:]
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case _:
            return type(value)(sha256=_other(value.sha256))
