"""Signatures that anybody can check for themselves, made by a key that never leaves Cloud KMS.

RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2): to verify takes no library, and the same bytes are always signed
alike. Which bytes those are is the caller's affair.
https://cloud.google.com/kms/docs/create-validate-signatures
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from google.cloud.kms_v1.types import AsymmetricSignRequest, CryptoKeyVersion, Digest, GetPublicKeyRequest

from lib.core import kms
from lib.core.errors import InternalError, Unavailable
from lib.core.settings import load
from lib.core.signature_settings import SignatureSettings

# The vendor's enumerations are untyped: to mypy their members are plain integers.
_Algorithm: Any = CryptoKeyVersion.CryptoKeyVersionAlgorithm
ALGORITHM = "RSA_SIGN_PKCS1_3072_SHA256"


@dataclass(frozen=True)
class Signature:
    """A signature, and what is needed to check it: the version of the key, by its resource name, and the algorithm."""

    key_version: str
    algorithm: str
    value: bytes


@dataclass(frozen=True)
class PublicKey:
    """What checks the signatures of a key version: SubjectPublicKeyInfo in PEM."""

    key_version: str
    algorithm: str
    pem: str


def sign(data: bytes) -> Signature:
    """Sign the SHA-256 digest of the bytes. Raises `Unavailable`, and Google's API errors."""
    name = load(SignatureSettings).attestation_key
    digest = hashlib.sha256(data).digest()
    answer = kms.client().asymmetric_sign(
        request=AsymmetricSignRequest(name=name, digest=Digest(sha256=digest), digest_crc32c=kms.checksum(digest)),
        timeout=kms.TIMEOUT_SECONDS,
    )
    if not answer.verified_digest_crc32c or answer.name != name:
        raise Unavailable("The request to sign was changed on its way to KMS")
    if answer.signature_crc32c != kms.checksum(answer.signature):
        raise Unavailable("The signature was changed on its way from KMS")
    return Signature(name, ALGORITHM, bytes(answer.signature))


def public_key(key_version: str) -> PublicKey:
    """The public half of a key version, which may be one that does not sign any more.

    Raises `InternalError` for a key of another algorithm, `Unavailable`, and Google's API errors.
    """
    answer = kms.client().get_public_key(request=GetPublicKeyRequest(name=key_version), timeout=kms.TIMEOUT_SECONDS)
    if answer.name != key_version or answer.pem_crc32c != kms.checksum(answer.pem.encode()):
        raise Unavailable("The public key was changed on its way from KMS")
    if answer.algorithm != _Algorithm[ALGORITHM]:
        raise InternalError("The key is of another algorithm than what is signed")
    return PublicKey(key_version, ALGORITHM, answer.pem)
