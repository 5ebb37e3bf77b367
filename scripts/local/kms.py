"""Cloud KMS over gRPC: real AES-256-GCM, elliptic-curve and RSA signatures, in memory.

Imitates https://cloud.google.com/kms/docs/reference/rpc/google.cloud.kms.v1 for key rings, keys, versions,
Encrypt, Decrypt, AsymmetricSign and GetPublicKey.
Checksums: https://cloud.google.com/kms/docs/data-integrity-guidelines
Not imitated: IAM, import jobs, HSM and external keys, MACs, raw encryption, list filters; those RPCs answer
UNIMPLEMENTED. Fails on command by the fault service name `kms`.
"""

import re
from dataclasses import dataclass, field

import google_crc32c
from google.cloud import kms_v1 as api
from google.cloud.kms_v1 import CryptoKey, CryptoKeyVersion, KeyRing

from scripts.local import clock
from scripts.local.faults import Faults
from scripts.local.grpc_endpoint import (
    GrpcEndpoint,
    Method,
    Service,
    refuse_argument,
    refuse_duplicate,
    refuse_missing,
    serve_service,
)
from scripts.local.kms_keys import Algorithm, Key, Purpose, State, Version, check_schedule
from scripts.local.kms_material import Unreadable, Unsignable, version_in
from scripts.local.pages import page

LOCATION = r"projects/[^/]+/locations/[^/]+"
ID = r"[a-zA-Z0-9_-]{1,63}"
# https://cloud.google.com/kms/docs/reference/rpc/google.cloud.kms.v1#encryptrequest
SOFTWARE_LIMIT = 64 * 1024
HSM_LIMIT = 8 * 1024
PAGE_LIMIT = 1000
MUTABLE_KEY_FIELDS = {"labels", "next_rotation_time", "rotation_period"}


@dataclass(frozen=True)
class KmsConfig:
    """Where to listen and which faults to obey."""

    faults: Faults = field(default_factory=Faults)
    port: int = 0


def _checked(given: int | None, data: bytes, field_name: str) -> bool:
    """Whether a checksum was given; INVALID_ARGUMENT if it is wrong."""
    if given is None:
        return False
    if given != google_crc32c.value(data):
        refuse_argument(f"The checksum in field {field_name}_crc32c did not match the data in field {field_name}.")
    return True


def _split_version(name: str) -> tuple[str, str]:
    key, separator, number = name.rpartition("/cryptoKeyVersions/")
    if not separator:
        refuse_argument(f"{name} does not name a CryptoKeyVersion.")
    return key, number


class Kms:
    """The state of Cloud KMS and its answers."""

    def __init__(self) -> None:
        self._rings: dict[str, KeyRing] = {}
        self._keys: dict[str, Key] = {}

    async def create_key_ring(self, request: api.CreateKeyRingRequest) -> KeyRing:
        """Key rings are never deleted, so that their names stay taken."""
        if not re.fullmatch(LOCATION, request.parent) or not re.fullmatch(ID, request.key_ring_id):
            refuse_argument("The key ring's parent or id is not valid.")
        name = f"{request.parent}/keyRings/{request.key_ring_id}"
        if name in self._rings:
            refuse_duplicate(f"KeyRing {name}")
        self._rings[name] = KeyRing(name=name, create_time=clock.now())
        return self._rings[name]

    async def get_key_ring(self, request: api.GetKeyRingRequest) -> KeyRing:
        return self._ring(request.name)

    async def list_key_rings(self, request: api.ListKeyRingsRequest) -> api.ListKeyRingsResponse:
        rings = [ring for name, ring in sorted(self._rings.items()) if name.startswith(f"{request.parent}/")]
        shown, following = page(rings, request.page_size, request.page_token, PAGE_LIMIT)
        return api.ListKeyRingsResponse(key_rings=shown, next_page_token=following, total_size=len(rings))

    async def create_crypto_key(self, request: api.CreateCryptoKeyRequest) -> CryptoKey:
        """A new symmetric key has a first version, its primary, unless the request says otherwise."""
        self._ring(request.parent)
        if not re.fullmatch(ID, request.crypto_key_id):
            refuse_argument("crypto_key_id is not valid.")
        name = f"{request.parent}/cryptoKeys/{request.crypto_key_id}"
        if name in self._keys:
            refuse_duplicate(f"CryptoKey {name}")
        key = Key.create(name, request.crypto_key)
        if not request.skip_initial_version_creation:
            number = key.add_version()
            if key.description.purpose == Purpose.ENCRYPT_DECRYPT:
                key.primary = number
        self._keys[name] = key
        return key.shown()

    async def get_crypto_key(self, request: api.GetCryptoKeyRequest) -> CryptoKey:
        return self._key(request.name).shown()

    async def list_crypto_keys(self, request: api.ListCryptoKeysRequest) -> api.ListCryptoKeysResponse:
        self._ring(request.parent)
        names = sorted(name for name in self._keys if name.startswith(f"{request.parent}/"))
        some, following = page(names, request.page_size, request.page_token, PAGE_LIMIT)
        shown = [self._key(name).shown() for name in some]
        return api.ListCryptoKeysResponse(crypto_keys=shown, next_page_token=following, total_size=len(names))

    async def update_crypto_key(self, request: api.UpdateCryptoKeyRequest) -> CryptoKey:
        """Labels and the rotation schedule may change; INVALID_ARGUMENT for other fields."""
        key = self._key(request.crypto_key.name)
        paths = set(request.update_mask.paths)
        if not paths or paths - MUTABLE_KEY_FIELDS:
            refuse_argument(f"update_mask must name some of {', '.join(sorted(MUTABLE_KEY_FIELDS))}.")
        changed = CryptoKey(key.description)
        for path in paths:
            if path in request.crypto_key:
                setattr(changed, path, getattr(request.crypto_key, path))
            else:
                delattr(changed, path)
        check_schedule(changed)
        key.description = changed
        return key.shown()

    async def update_primary(self, request: api.UpdateCryptoKeyPrimaryVersionRequest) -> CryptoKey:
        key = self._key(request.name)
        key.make_primary(request.crypto_key_version_id)
        return key.shown()

    async def create_version(self, request: api.CreateCryptoKeyVersionRequest) -> CryptoKeyVersion:
        key = self._key(request.parent)
        return key.versions[key.add_version()].description

    async def get_version(self, request: api.GetCryptoKeyVersionRequest) -> CryptoKeyVersion:
        return self._version(request.name).description

    async def list_versions(self, request: api.ListCryptoKeyVersionsRequest) -> api.ListCryptoKeyVersionsResponse:
        versions = [version.description for version in self._key(request.parent).versions.values()]
        shown, following = page(versions, request.page_size, request.page_token, PAGE_LIMIT)
        return api.ListCryptoKeyVersionsResponse(
            crypto_key_versions=shown, next_page_token=following, total_size=len(versions)
        )

    async def update_version(self, request: api.UpdateCryptoKeyVersionRequest) -> CryptoKeyVersion:
        """Enable or disable: the only change that UpdateCryptoKeyVersion makes to a state."""
        version = self._version(request.crypto_key_version.name)
        wanted = request.crypto_key_version.state
        if list(request.update_mask.paths) != ["state"] or wanted not in (State.ENABLED, State.DISABLED):
            refuse_argument("Only state can be updated, to ENABLED or DISABLED.")
        version.enable(wanted == State.ENABLED)
        return version.description

    async def destroy_version(self, request: api.DestroyCryptoKeyVersionRequest) -> CryptoKeyVersion:
        key_name, number = _split_version(request.name)
        key = self._key(key_name)
        version = key.version(number)
        version.schedule_destruction(key.description.destroy_scheduled_duration)
        return version.description

    async def restore_version(self, request: api.RestoreCryptoKeyVersionRequest) -> CryptoKeyVersion:
        version = self._version(request.name)
        version.restore()
        return version.description

    async def encrypt(self, request: api.EncryptRequest) -> api.EncryptResponse:
        """Seal with the primary version of a key, or with the version that is named."""
        plaintext, associated = request.plaintext, request.additional_authenticated_data
        if "/cryptoKeyVersions/" in request.name:
            key_name, number = _split_version(request.name)
            key = self._key(key_name)
            version = key.version(number)
        else:
            key = self._key(request.name)
            version = key.primary_version()
        key.require(Purpose.ENCRYPT_DECRYPT)
        self._check_size(version, plaintext, associated)
        verified_plaintext = _checked(request.plaintext_crc32c, plaintext, "plaintext")
        verified_associated = _checked(
            request.additional_authenticated_data_crc32c, associated, "additional_authenticated_data"
        )
        ciphertext = version.cipher().seal(plaintext, associated)
        return api.EncryptResponse(
            name=version.description.name,
            ciphertext=ciphertext,
            ciphertext_crc32c=google_crc32c.value(ciphertext),
            verified_plaintext_crc32c=verified_plaintext,
            verified_additional_authenticated_data_crc32c=verified_associated,
            protection_level=version.description.protection_level,
        )

    async def decrypt(self, request: api.DecryptRequest) -> api.DecryptResponse:
        """Open with whichever version of the key made the ciphertext, while it is enabled."""
        key = self._key(request.name)
        key.require(Purpose.ENCRYPT_DECRYPT)
        associated = request.additional_authenticated_data
        _checked(request.ciphertext_crc32c, request.ciphertext, "ciphertext")
        _checked(request.additional_authenticated_data_crc32c, associated, "additional_authenticated_data")
        try:
            number, version = self._maker_of(key, version_in(request.ciphertext))
            plaintext = version.cipher().open(request.ciphertext, associated)
        except Unreadable:
            refuse_argument("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
        return api.DecryptResponse(
            plaintext=plaintext,
            plaintext_crc32c=google_crc32c.value(plaintext),
            used_primary=number == key.primary,
            protection_level=version.description.protection_level,
        )

    async def asymmetric_sign(self, request: api.AsymmetricSignRequest) -> api.AsymmetricSignResponse:
        """Sign a digest, or data where the algorithm wants it: https://cloud.google.com/kms/docs/create-validate-signatures"""
        version = self._signing_version(request.name)
        material = version.signer()
        if ("digest" in request) == bool(request.data):
            refuse_argument("Exactly one of digest and data must be given.")
        verified_digest = _checked(request.digest_crc32c, request.digest.sha256, "digest")
        verified_data = _checked(request.data_crc32c, request.data, "data")
        try:
            signature = material.sign(request.data) if request.data else material.sign_digest(request.digest.sha256)
        except Unsignable as error:
            refuse_argument(f"The digest does not fit the key's algorithm: {error}.")
        return api.AsymmetricSignResponse(
            signature=signature,
            signature_crc32c=google_crc32c.value(signature),
            verified_digest_crc32c=verified_digest,
            verified_data_crc32c=verified_data,
            name=request.name,
            protection_level=version.description.protection_level,
        )

    async def get_public_key(self, request: api.GetPublicKeyRequest) -> api.PublicKey:
        version = self._signing_version(request.name)
        material = version.signer()
        return api.PublicKey(
            name=request.name,
            pem=material.public_pem,
            pem_crc32c=google_crc32c.value(material.public_pem.encode()),
            algorithm=Algorithm(version.description.algorithm),
            protection_level=version.description.protection_level,
        )

    def _ring(self, name: str) -> KeyRing:
        if name not in self._rings:
            refuse_missing(f"KeyRing {name}")
        return self._rings[name]

    def _key(self, name: str) -> Key:
        if name not in self._keys:
            refuse_missing(f"CryptoKey {name}")
        self._keys[name].settle()
        return self._keys[name]

    def _version(self, name: str) -> Version:
        key, number = _split_version(name)
        return self._key(key).version(number)

    def _signing_version(self, name: str) -> Version:
        key, number = _split_version(name)
        self._key(key).require(Purpose.ASYMMETRIC_SIGN)
        return self._key(key).version(number)

    def _maker_of(self, key: Key, identity: bytes) -> tuple[int, Version]:
        for number, version in key.versions.items():
            if version.identity == identity:
                return number, version
        raise Unreadable

    def _check_size(self, version: Version, plaintext: bytes, associated: bytes) -> None:
        if version.description.protection_level == api.ProtectionLevel.HSM:
            if len(plaintext) + len(associated) > HSM_LIMIT:
                refuse_argument("plaintext and additional_authenticated_data together exceed 8 KiB.")
        elif len(plaintext) > SOFTWARE_LIMIT or len(associated) > SOFTWARE_LIMIT:
            refuse_argument("plaintext and additional_authenticated_data may have 64 KiB each.")

    def service(self) -> Service:
        """What goes on the wire."""
        methods = {
            "CreateKeyRing": Method(api.CreateKeyRingRequest, KeyRing, self.create_key_ring),
            "GetKeyRing": Method(api.GetKeyRingRequest, KeyRing, self.get_key_ring),
            "ListKeyRings": Method(api.ListKeyRingsRequest, api.ListKeyRingsResponse, self.list_key_rings),
            "CreateCryptoKey": Method(api.CreateCryptoKeyRequest, CryptoKey, self.create_crypto_key),
            "GetCryptoKey": Method(api.GetCryptoKeyRequest, CryptoKey, self.get_crypto_key),
            "ListCryptoKeys": Method(api.ListCryptoKeysRequest, api.ListCryptoKeysResponse, self.list_crypto_keys),
            "UpdateCryptoKey": Method(api.UpdateCryptoKeyRequest, CryptoKey, self.update_crypto_key),
            "UpdateCryptoKeyPrimaryVersion": Method(
                api.UpdateCryptoKeyPrimaryVersionRequest, CryptoKey, self.update_primary
            ),
            "CreateCryptoKeyVersion": Method(api.CreateCryptoKeyVersionRequest, CryptoKeyVersion, self.create_version),
            "GetCryptoKeyVersion": Method(api.GetCryptoKeyVersionRequest, CryptoKeyVersion, self.get_version),
            "ListCryptoKeyVersions": Method(
                api.ListCryptoKeyVersionsRequest, api.ListCryptoKeyVersionsResponse, self.list_versions
            ),
            "UpdateCryptoKeyVersion": Method(api.UpdateCryptoKeyVersionRequest, CryptoKeyVersion, self.update_version),
            "DestroyCryptoKeyVersion": Method(
                api.DestroyCryptoKeyVersionRequest, CryptoKeyVersion, self.destroy_version
            ),
            "RestoreCryptoKeyVersion": Method(
                api.RestoreCryptoKeyVersionRequest, CryptoKeyVersion, self.restore_version
            ),
            "Encrypt": Method(api.EncryptRequest, api.EncryptResponse, self.encrypt),
            "Decrypt": Method(api.DecryptRequest, api.DecryptResponse, self.decrypt),
            "AsymmetricSign": Method(api.AsymmetricSignRequest, api.AsymmetricSignResponse, self.asymmetric_sign),
            "GetPublicKey": Method(api.GetPublicKeyRequest, api.PublicKey, self.get_public_key),
        }
        return Service("google.cloud.kms.v1.KeyManagementService", "kms", methods)


async def serve(config: KmsConfig, kms: Kms | None = None) -> GrpcEndpoint:
    """Serve Cloud KMS on 127.0.0.1."""
    return await serve_service((kms or Kms()).service(), config.faults, config.port)
