"""Envelope encryption: keysets of Tink, wrapped by Cloud KMS, and the versioned form of what they seal.

A keyset has one primary key, which seals, and may have older ones, which still open. It is never changed: what is added
or removed makes another keyset.
"""

import re
from dataclasses import dataclass
from functools import cache

import tink
from google.cloud.kms_v1.types import DecryptRequest, EncryptRequest
from tink import aead, secret_key_access
from tink.proto import tink_pb2

from lib.core import kms
from lib.core.errors import InternalError
from lib.core.settings import Settings, load

SEALED_VERSION = b"\x01"
WRAPPED_VERSION = b"\x01"
# Tink's own prefix of a ciphertext, which names the key: https://developers.google.com/tink/wire-format
_TINK_PREFIX = b"\x01"
_KEY_ID_BYTES = 4
_VERSION_OF = re.compile(r"(.*)/cryptoKeyVersions/(\d+)")


class KeySettings(Settings):
    """`vault_key` is the full resource name of the key that wraps keysets."""

    vault_key: str


class Unreadable(InternalError):
    """A ciphertext that this key, this association or this program cannot open."""


@dataclass(frozen=True)
class Wrapped:
    """A keyset as it is stored, and the number of the version of the vault's key that wrapped it."""

    data: bytes
    kek_version: int


class Keyset:
    """A person's keys. Seals and opens; never shows itself."""

    __slots__ = ("_handle", "_primitive", "older", "primary")

    def __init__(self, handle: tink.KeysetHandle):
        """The ids of keys are no secrets: each ciphertext begins with one."""
        self._handle = handle
        self._primitive: aead.Aead = handle.primitive(aead.Aead)
        info = handle.keyset_info()
        self.primary = int(info.primary_key_id)
        self.older = frozenset(int(key.key_id) for key in info.key_info) - {self.primary}

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

    def rotated(self) -> "Keyset":
        """With a fresh key as its primary one, and all others beside it."""
        added = _proto(new_keyset())
        while added.primary_key_id in {self.primary, *self.older}:
            added = _proto(new_keyset())
        together = _proto(self)
        together.key.extend(added.key)
        together.primary_key_id = added.primary_key_id
        return _of_proto(together)

    def without_older(self) -> "Keyset":
        """With its primary key alone: what older ones sealed does not open any more."""
        whole = _proto(self)
        primary = [key for key in whole.key if key.key_id == self.primary]
        return _of_proto(tink_pb2.Keyset(primary_key_id=self.primary, key=primary))

    def wrap(self, association: str, *, at_least: int = 0) -> Wrapped:
        """The form for storing, bound to the association, by the vault's key: its primary version, or a later one.

        A version that has just become primary may not be used everywhere yet; then `at_least` is used by name
        (https://cloud.google.com/kms/docs/consistency). Raises Google's API errors.
        """
        wrapping = _KmsAead()
        data = tink.proto_keyset_format.serialize_encrypted(self._handle, wrapping, association.encode())
        if wrapping.version < at_least:
            wrapping = _KmsAead(at_least)
            data = tink.proto_keyset_format.serialize_encrypted(self._handle, wrapping, association.encode())
        return Wrapped(WRAPPED_VERSION + data, wrapping.version)

    def __repr__(self) -> str:
        return "Keyset(…)"


def new_keyset() -> Keyset:
    """A fresh AES-256-GCM keyset of one key."""
    _register()
    return Keyset(tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM))


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


def sealing_key(sealed: bytes) -> int:
    """The id of the key that sealed it. Raises `Unreadable` for an unknown version."""
    start = len(SEALED_VERSION) + len(_TINK_PREFIX)
    if sealed[:start] != SEALED_VERSION + _TINK_PREFIX or len(sealed) < start + _KEY_ID_BYTES:
        raise Unreadable("The format of what is sealed is unknown")
    return int.from_bytes(sealed[start : start + _KEY_ID_BYTES], "big")


class _KmsAead(aead.Aead):  # type: ignore[misc]
    """Cloud KMS as Tink's key-encryption key, with checksums both ways. `version` is the one that encrypted last.

    Encrypts with the primary version unless one is named; what opens, KMS finds out by itself.
    """

    def __init__(self, version: int | None = None) -> None:
        self._key = load(KeySettings).vault_key
        self._encrypts = self._key if version is None else f"{self._key}/cryptoKeyVersions/{version}"
        self.version = 0

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        response = kms.client().encrypt(
            request=EncryptRequest(
                name=self._encrypts,
                plaintext=plaintext,
                plaintext_crc32c=kms.checksum(plaintext),
                additional_authenticated_data=associated_data,
                additional_authenticated_data_crc32c=kms.checksum(associated_data),
            ),
            timeout=kms.TIMEOUT_SECONDS,
        )
        used = _VERSION_OF.fullmatch(response.name)
        if not response.verified_plaintext_crc32c or not response.verified_additional_authenticated_data_crc32c:
            raise tink.TinkError("the request was corrupted on its way to KMS")
        if response.ciphertext_crc32c != kms.checksum(response.ciphertext) or used is None or used[1] != self._key:
            raise tink.TinkError("the response was corrupted on its way from KMS")
        self.version = int(used[2])
        return bytes(response.ciphertext)

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        response = kms.client().decrypt(
            request=DecryptRequest(
                name=self._key,
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


def _proto(keyset: Keyset) -> tink_pb2.Keyset:
    """The keys themselves, for no longer than another keyset is made of them."""
    serialized = tink.proto_keyset_format.serialize(keyset._handle, secret_key_access.TOKEN)
    return tink_pb2.Keyset.FromString(serialized)


def _of_proto(proto: tink_pb2.Keyset) -> Keyset:
    return Keyset(tink.proto_keyset_format.parse(proto.SerializeToString(), secret_key_access.TOKEN))


@cache
def _register() -> None:
    aead.register()
