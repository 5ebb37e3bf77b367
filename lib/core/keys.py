"""Envelope encryption: keysets of Tink, wrapped by Cloud KMS, and the versioned form of what they seal."""

from functools import cache

import tink
from google.cloud.kms_v1.types import DecryptRequest, EncryptRequest
from tink import aead

from lib.core import kms
from lib.core.errors import InternalError
from lib.core.settings import Settings, load

SEALED_VERSION = b"\x01"
WRAPPED_VERSION = b"\x01"


class KeySettings(Settings):
    """`vault_key` is the full resource name of the key that wraps keysets."""

    vault_key: str


class Unreadable(InternalError):
    """A ciphertext that this key, this association or this program cannot open."""


class Keyset:
    """A person's keys. Seals and opens; never shows itself."""

    __slots__ = ("_primitive",)

    def __init__(self, handle: tink.KeysetHandle):
        self._primitive: aead.Aead = handle.primitive(aead.Aead)

    def seal(self, plaintext: bytes, association: str) -> bytes:
        """Encrypt, bound to the association: it opens nowhere else."""
        return SEALED_VERSION + bytes(self._primitive.encrypt(plaintext, association.encode()))

    def open(self, sealed: bytes, association: str) -> bytes:
        """Decrypt. Raises `Unreadable` for another association, a changed byte or an unknown version."""
        if sealed[:1] != SEALED_VERSION:
            raise Unreadable("The format of what is sealed is unknown")
        try:
            return bytes(self._primitive.decrypt(sealed[1:], association.encode()))
        except tink.TinkError:
            raise Unreadable("What is sealed cannot be opened") from None

    def __repr__(self) -> str:
        return "Keyset(…)"


def new_keyset(association: str) -> tuple[Keyset, bytes]:
    """A fresh AES-256-GCM keyset, and its wrapped form, bound to the association, for storing."""
    _register()
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    wrapped = tink.proto_keyset_format.serialize_encrypted(handle, _KmsAead(), association.encode())
    return Keyset(handle), WRAPPED_VERSION + wrapped


def unwrap(wrapped: bytes, association: str) -> Keyset:
    """The keyset of a wrapped form. Raises `Unreadable`, and Google's API errors when KMS cannot be reached."""
    _register()
    if wrapped[:1] != WRAPPED_VERSION:
        raise Unreadable("The format of the wrapped keyset is unknown")
    try:
        handle = tink.proto_keyset_format.parse_encrypted(wrapped[1:], _KmsAead(), association.encode())
    except tink.TinkError:
        raise Unreadable("The keyset cannot be unwrapped") from None
    return Keyset(handle)


class _KmsAead(aead.Aead):  # type: ignore[misc]
    """Cloud KMS as Tink's key-encryption key, with checksums both ways."""

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        response = kms.client().encrypt(
            request=EncryptRequest(
                name=load(KeySettings).vault_key,
                plaintext=plaintext,
                plaintext_crc32c=kms.checksum(plaintext),
                additional_authenticated_data=associated_data,
                additional_authenticated_data_crc32c=kms.checksum(associated_data),
            ),
            timeout=kms.TIMEOUT_SECONDS,
        )
        if not response.verified_plaintext_crc32c or not response.verified_additional_authenticated_data_crc32c:
            raise tink.TinkError("the request was corrupted on its way to KMS")
        if response.ciphertext_crc32c != kms.checksum(response.ciphertext):
            raise tink.TinkError("the response was corrupted on its way from KMS")
        return bytes(response.ciphertext)

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        response = kms.client().decrypt(
            request=DecryptRequest(
                name=load(KeySettings).vault_key,
                ciphertext=ciphertext,
                ciphertext_crc32c=kms.checksum(ciphertext),
                additional_authenticated_data=associated_data,
                additional_authenticated_data_crc32c=kms.checksum(associated_data),
            ),
            timeout=kms.TIMEOUT_SECONDS,
        )
        if response.plaintext_crc32c != kms.checksum(response.plaintext):
            raise tink.TinkError("the response was corrupted on its way from KMS")
        return bytes(response.plaintext)


@cache
def _register() -> None:
    aead.register()
