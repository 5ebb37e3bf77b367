"""Signatures under KMS: checked by nothing but the public key, and checked on the way there and back."""

import hashlib
import secrets

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.api_core.exceptions import FailedPrecondition, InvalidArgument
from google.cloud.kms_v1.types import AsymmetricSignRequest, AsymmetricSignResponse, PublicKey
from hypothesis import given
from hypothesis import strategies as st

from lib.core import signatures
from lib.core.errors import Unavailable
from scripts.local.project import ATTESTATION_KEY, VAULT_KEY
from tests.kms_line import Line, changing

# What stands before the digest (RFC 8017, section 9.2, note 1).
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def holds(pem: str, data: bytes, signature: bytes) -> bool:
    """Whether the signature is of these bytes, found out by arithmetic alone (RFC 8017, section 8.2.2)."""
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    numbers, size = key.public_numbers(), key.key_size // 8
    wanted = SHA256_PREFIX + hashlib.sha256(data).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(wanted) - 3) + b"\x00" + wanted
    return pow(int.from_bytes(signature, "big"), numbers.e, numbers.n) == int.from_bytes(padded, "big")


@pytest.mark.usefixtures("kms")
def test_a_signature_is_checked_by_arithmetic_alone() -> None:
    key = signatures.public_key(ATTESTATION_KEY)
    made: dict[bytes, bytes] = {}

    @given(st.binary(max_size=300))
    def exercise(data: bytes) -> None:
        signature = signatures.sign(data)
        made[data] = signature.value
        assert (signature.key_version, signature.algorithm) == (key.key_version, key.algorithm)
        assert holds(key.pem, data, signature.value)
        assert not holds(key.pem, data + b"!", signature.value)

    exercise()
    for data, value in list(made.items())[:3]:
        assert signatures.sign(data).value == value


@pytest.mark.usefixtures("kms")
def test_a_library_finds_the_same() -> None:
    key = load_pem_public_key(signatures.public_key(ATTESTATION_KEY).pem.encode())
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 3072
    data = secrets.token_bytes(100)
    key.verify(signatures.sign(data).value, data, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.usefixtures("kms")
def test_a_key_that_does_not_sign_has_no_public_half() -> None:
    with pytest.raises(FailedPrecondition):
        signatures.public_key(f"{VAULT_KEY}/cryptoKeyVersions/1")


def test_what_is_changed_on_its_way_to_be_signed_is_noticed(line: Line) -> None:
    line.there = changing(AsymmetricSignRequest, "digest")
    with pytest.raises(InvalidArgument, match="checksum"):
        signatures.sign(b"a root")


@pytest.mark.parametrize("field", ["signature", "verified_digest_crc32c", "name"])
def test_a_signature_that_came_back_changed_is_not_given_out(line: Line, field: str) -> None:
    line.back = changing(AsymmetricSignResponse, field)
    with pytest.raises(Unavailable, match="changed on its way"):
        signatures.sign(b"a root")


@pytest.mark.parametrize("field", ["pem", "name"])
def test_a_public_key_that_came_back_changed_is_not_given_out(line: Line, field: str) -> None:
    line.back = changing(PublicKey, field)
    with pytest.raises(Unavailable, match="changed on its way"):
        signatures.public_key(ATTESTATION_KEY)
