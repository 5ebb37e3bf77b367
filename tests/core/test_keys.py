"""Keysets under KMS: bound to their association, whole to the byte, and checked on the way there and back."""

import secrets

import pytest
import tink
from google.api_core.exceptions import InternalServerError, InvalidArgument
from google.cloud.kms_v1.types import DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse
from hypothesis import given

from lib.core import keys, problems
from lib.core.errors import Unavailable
from lib.core.keys import Keyset, Unreadable
from tests.briefly import Briefly
from tests.fuzz.verifiers.altered import blobs
from tests.kms_line import Line, changing

ADA, BRAM = "briefly/keyset/user_ada", "briefly/keyset/user_bram"


def made() -> tuple[Keyset, bytes]:
    """A fresh keyset, and its wrapped form."""
    keyset = keys.new_keyset()
    return keyset, keyset.wrap(ADA).data


@pytest.mark.usefixtures("kms")
def test_what_is_sealed_opens_with_the_unwrapped_keyset_alone() -> None:
    keyset, wrapped = made()
    sealed = keyset.seal(b"a token", "vault/one")
    assert b"a token" not in sealed
    assert keys.unwrap(wrapped, ADA).open(sealed, "vault/one") == b"a token"
    other, _ = made()
    with pytest.raises(Unreadable):
        other.open(sealed, "vault/one")


@pytest.mark.usefixtures("kms")
def test_a_keyset_unwraps_for_nobody_else() -> None:
    _, wrapped = made()
    with pytest.raises(InvalidArgument):
        keys.unwrap(wrapped, BRAM)


@pytest.mark.usefixtures("kms")
def test_what_is_sealed_opens_at_no_other_place() -> None:
    keyset, _ = made()
    with pytest.raises(Unreadable):
        keyset.open(keyset.seal(b"a token", "vault/one"), "vault/two")


@pytest.mark.usefixtures("kms")
def test_a_changed_byte_anywhere_is_refused() -> None:
    keyset, _ = made()
    sealed = keyset.seal(secrets.token_bytes(20), "vault/one")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Unreadable):
            keyset.open(changed, "vault/one")


@pytest.mark.usefixtures("kms")
def test_an_unknown_format_is_refused() -> None:
    keyset, wrapped = made()
    with pytest.raises(Unreadable):
        keys.unwrap(b"\x02" + wrapped[1:], ADA)
    with pytest.raises(Unreadable):
        keyset.open(b"\x02" + keyset.seal(b"a token", "vault/one")[1:], "vault/one")


@pytest.mark.parametrize("field", ["plaintext", "additional_authenticated_data"])
def test_what_is_changed_on_its_way_to_be_wrapped_is_noticed(line: Line, field: str) -> None:
    line.there = changing(EncryptRequest, field)
    with pytest.raises(InvalidArgument, match="checksum"):
        made()


@pytest.mark.parametrize("field", ["ciphertext", "additional_authenticated_data"])
def test_what_is_changed_on_its_way_to_be_unwrapped_is_noticed(line: Line, field: str) -> None:
    _, wrapped = made()
    line.there = changing(DecryptRequest, field)
    with pytest.raises(InvalidArgument, match="checksum"):
        keys.unwrap(wrapped, ADA)


@pytest.mark.parametrize(
    "field", ["ciphertext", "verified_plaintext_crc32c", "verified_additional_authenticated_data_crc32c"]
)
def test_a_wrapped_keyset_that_came_back_changed_is_not_kept(line: Line, field: str) -> None:
    line.back = changing(EncryptResponse, field)
    with pytest.raises(tink.TinkError, match="corrupted"):
        made()


def test_a_keyset_that_came_back_changed_is_not_used(line: Line) -> None:
    _, wrapped = made()
    line.back = changing(DecryptResponse, "plaintext")
    with pytest.raises(Unreadable):
        keys.unwrap(wrapped, ADA)


@pytest.mark.usefixtures("kms")
def test_a_wrapped_keyset_that_was_altered_does_not_become_another_one() -> None:
    keyset, wrapped = made()
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
        made()
    assert isinstance(problems.problem(outage.value), Unavailable)
