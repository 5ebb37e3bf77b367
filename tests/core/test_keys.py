"""Keysets under KMS: bound to their association, whole to the byte, and checked on the way there and back."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
import tink
from google.api_core.exceptions import InternalServerError, InvalidArgument
from google.cloud.kms_v1.types import DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse
from hypothesis import given

from lib.core import keys, problems, settings
from lib.core.errors import Unavailable
from lib.core.keys import KeySettings, Unreadable
from scripts.local.project import VAULT_KEY
from tests.briefly import Briefly
from tests.fuzz.verifiers.altered import blobs

ADA, BRAM = "briefly/keyset/user_ada", "briefly/keyset/user_bram"


@pytest.fixture
def reached() -> Iterator[Callable[[str], None]]:
    """Has KMS reached at an endpoint."""

    def reach(endpoint: str) -> None:
        settings._loaded[KeySettings] = KeySettings(vault_key=VAULT_KEY, kms_endpoint=endpoint)
        keys._client.cache_clear()

    before = settings._loaded.get(KeySettings)
    yield reach
    keys._client.cache_clear()
    settings._loaded.pop(KeySettings, None)
    if before is not None:
        settings._loaded[KeySettings] = before


@pytest.fixture
def kms(briefly: Briefly, reached: Callable[[str], None]) -> None:
    """The emulator."""
    reached(briefly.state.endpoints.kms)


@pytest.fixture
def line(briefly: Briefly, reached: Callable[[str], None]) -> Iterator["Line"]:
    """The emulator behind a line that changes what it carries."""
    line = Line(briefly.state.endpoints.kms.removeprefix("http://"))
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((line,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    reached(f"http://127.0.0.1:{port}")
    yield line
    server.stop(None).wait()


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


def changing(message: Any, field: str) -> Callable[[bytes], bytes]:
    """Flips one bit of a field, or a truth."""

    def change(carried: bytes) -> bytes:
        parsed = message.deserialize(carried)
        value = getattr(parsed, field)
        setattr(parsed, field, not value if isinstance(value, bool) else bytes([value[0] ^ 1]) + value[1:])
        return bytes(message.serialize(parsed))

    return change


@pytest.mark.usefixtures("kms")
def test_what_is_sealed_opens_with_the_unwrapped_keyset_alone() -> None:
    keyset, wrapped = keys.new_keyset(ADA)
    sealed = keyset.seal(b"a token", "vault/one")
    assert b"a token" not in sealed
    assert keys.unwrap(wrapped, ADA).open(sealed, "vault/one") == b"a token"
    other, _ = keys.new_keyset(ADA)
    with pytest.raises(Unreadable):
        other.open(sealed, "vault/one")


@pytest.mark.usefixtures("kms")
def test_a_keyset_unwraps_for_nobody_else() -> None:
    _, wrapped = keys.new_keyset(ADA)
    with pytest.raises(InvalidArgument):
        keys.unwrap(wrapped, BRAM)


@pytest.mark.usefixtures("kms")
def test_what_is_sealed_opens_at_no_other_place() -> None:
    keyset, _ = keys.new_keyset(ADA)
    with pytest.raises(Unreadable):
        keyset.open(keyset.seal(b"a token", "vault/one"), "vault/two")


@pytest.mark.usefixtures("kms")
def test_a_changed_byte_anywhere_is_refused() -> None:
    keyset, _ = keys.new_keyset(ADA)
    sealed = keyset.seal(secrets.token_bytes(20), "vault/one")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Unreadable):
            keyset.open(changed, "vault/one")


@pytest.mark.usefixtures("kms")
def test_an_unknown_format_is_refused() -> None:
    keyset, wrapped = keys.new_keyset(ADA)
    with pytest.raises(Unreadable):
        keys.unwrap(b"\x02" + wrapped[1:], ADA)
    with pytest.raises(Unreadable):
        keyset.open(b"\x02" + keyset.seal(b"a token", "vault/one")[1:], "vault/one")


@pytest.mark.parametrize("field", ["plaintext", "additional_authenticated_data"])
def test_what_is_changed_on_its_way_to_be_wrapped_is_noticed(line: Line, field: str) -> None:
    line.there = changing(EncryptRequest, field)
    with pytest.raises(InvalidArgument, match="checksum"):
        keys.new_keyset(ADA)


@pytest.mark.parametrize("field", ["ciphertext", "additional_authenticated_data"])
def test_what_is_changed_on_its_way_to_be_unwrapped_is_noticed(line: Line, field: str) -> None:
    _, wrapped = keys.new_keyset(ADA)
    line.there = changing(DecryptRequest, field)
    with pytest.raises(InvalidArgument, match="checksum"):
        keys.unwrap(wrapped, ADA)


@pytest.mark.parametrize(
    "field", ["ciphertext", "verified_plaintext_crc32c", "verified_additional_authenticated_data_crc32c"]
)
def test_a_wrapped_keyset_that_came_back_changed_is_not_kept(line: Line, field: str) -> None:
    line.back = changing(EncryptResponse, field)
    with pytest.raises(tink.TinkError, match="corrupted"):
        keys.new_keyset(ADA)


def test_a_keyset_that_came_back_changed_is_not_used(line: Line) -> None:
    _, wrapped = keys.new_keyset(ADA)
    line.back = changing(DecryptResponse, "plaintext")
    with pytest.raises(Unreadable):
        keys.unwrap(wrapped, ADA)


@pytest.mark.usefixtures("kms")
def test_a_wrapped_keyset_that_was_altered_does_not_become_another_one() -> None:
    keyset, wrapped = keys.new_keyset(ADA)
    sealed = keyset.seal(b"a token", "vault/one")

    @given(blobs(wrapped))
    def exercise(altered: bytes) -> None:
        try:
            unwrapped = keys.unwrap(altered, ADA)
        except (Unreadable, InvalidArgument):
            return
        # What it says about its keys beside their ciphertext is not covered, and opens nothing.
        assert unwrapped.open(sealed, "vault/one") == b"a token"

    exercise()


@pytest.mark.usefixtures("kms")
def test_an_outage_of_kms_is_said_to_pass(briefly: Briefly) -> None:
    fault = {"service": "kms", "method": "Encrypt", "times": 1, "code": "INTERNAL"}
    briefly.control("google_cloud_control", "POST", "faults", fault)
    with pytest.raises(InternalServerError) as outage:
        keys.new_keyset(ADA)
    assert isinstance(problems.problem(outage.value), Unavailable)
