"""The life of Cloud KMS keys and their versions, by the clock.

States and their transitions: https://cloud.google.com/kms/docs/key-states
Rotation: https://cloud.google.com/kms/docs/key-rotation
Destruction: https://cloud.google.com/kms/docs/destroy-restore
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from google.cloud.kms_v1 import CryptoKey, CryptoKeyVersion, ProtectionLevel

from scripts.local import clock
from scripts.local.grpc_endpoint import refuse_argument, refuse_missing, refuse_state
from scripts.local.kms_material import Material, SigningMaterial, SymmetricMaterial

# The vendor's enumerations are untyped: to mypy their members are plain integers.
State: Any = CryptoKeyVersion.CryptoKeyVersionState
Algorithm: Any = CryptoKeyVersion.CryptoKeyVersionAlgorithm
Purpose: Any = CryptoKey.CryptoKeyPurpose
Protection: Any = ProtectionLevel

DESTROY_AFTER = timedelta(days=30)
ROTATION_MINIMUM = timedelta(hours=24)
ROTATION_MAXIMUM = timedelta(hours=876_000)
# https://cloud.google.com/kms/docs/create-key#set_the_duration_of_the_scheduled_for_destruction_state
DESTROY_MINIMUM = timedelta(hours=24)
DESTROY_MAXIMUM = timedelta(days=120)

ALGORITHMS = {
    Purpose.ENCRYPT_DECRYPT: {Algorithm.GOOGLE_SYMMETRIC_ENCRYPTION},
    Purpose.ASYMMETRIC_SIGN: {
        Algorithm.EC_SIGN_P256_SHA256,
        Algorithm.EC_SIGN_ED25519,
        Algorithm.RSA_SIGN_PKCS1_3072_SHA256,
    },
}


def _make_material(algorithm: Any) -> Material:
    if algorithm == Algorithm.EC_SIGN_P256_SHA256:
        return SigningMaterial(ec.generate_private_key(ec.SECP256R1()))
    if algorithm == Algorithm.EC_SIGN_ED25519:
        return SigningMaterial(ed25519.Ed25519PrivateKey.generate())
    if algorithm == Algorithm.RSA_SIGN_PKCS1_3072_SHA256:
        return SigningMaterial(rsa.generate_private_key(public_exponent=65537, key_size=3072))
    return SymmetricMaterial()


@dataclass
class Version:
    """A key version: its description and its material, which is gone once it is destroyed."""

    description: CryptoKeyVersion
    material: Material | None
    # Outlives the material: a ciphertext of a destroyed version is still known, and refused for its state.
    identity: bytes = b""

    def settle(self) -> None:
        """Let what the clock has brought about become true: a scheduled destruction."""
        due = self.description.destroy_time
        if self.description.state == State.DESTROY_SCHEDULED and due <= clock.now():
            self.description.state = State.DESTROYED
            self.description.destroy_event_time = due
            del self.description.destroy_time
            self.material = None

    def cipher(self) -> SymmetricMaterial:
        """What seals and opens, or FAILED_PRECONDITION if the version is not enabled or not for that."""
        self._require_enabled()
        if not isinstance(self.material, SymmetricMaterial):
            refuse_state(f"{self.description.name} does not encrypt.")
        return self.material

    def signer(self) -> SigningMaterial:
        """What signs, or FAILED_PRECONDITION if the version is not enabled or not for that."""
        self._require_enabled()
        if not isinstance(self.material, SigningMaterial):
            refuse_state(f"{self.description.name} does not sign.")
        return self.material

    def _require_enabled(self) -> None:
        if self.description.state != State.ENABLED:
            state = State(self.description.state).name
            refuse_state(f"{self.description.name} is not enabled, current state is: {state}.")

    def enable(self, enabled: bool) -> None:
        """Move between ENABLED and DISABLED; any other state refuses."""
        if self.description.state not in (State.ENABLED, State.DISABLED):
            refuse_state(f"{self.description.name} is {State(self.description.state).name}.")
        self.description.state = State.ENABLED if enabled else State.DISABLED

    def schedule_destruction(self, after: timedelta) -> None:
        """Schedule the destruction of a version that is enabled or disabled."""
        if self.description.state not in (State.ENABLED, State.DISABLED):
            refuse_state(f"{self.description.name} is {State(self.description.state).name}.")
        self.description.state = State.DESTROY_SCHEDULED
        self.description.destroy_time = clock.now() + after

    def restore(self) -> None:
        """Undo a scheduled destruction; the version comes back disabled."""
        if self.description.state != State.DESTROY_SCHEDULED:
            refuse_state(f"{self.description.name} is not scheduled for destruction.")
        self.description.state = State.DISABLED
        del self.description.destroy_time


def check_schedule(key: CryptoKey) -> None:
    """Refuse a rotation or destruction schedule that Cloud KMS refuses."""
    if "rotation_period" in key:
        if not ROTATION_MINIMUM <= key.rotation_period <= ROTATION_MAXIMUM:
            refuse_argument("rotation_period must be at least 24 hours and at most 876,000 hours.")
        if "next_rotation_time" not in key:
            refuse_argument("next_rotation_time must be set if rotation_period is set.")
    if "next_rotation_time" in key and key.purpose != Purpose.ENCRYPT_DECRYPT:
        refuse_argument("Only keys of purpose ENCRYPT_DECRYPT rotate.")
    if not DESTROY_MINIMUM <= key.destroy_scheduled_duration <= DESTROY_MAXIMUM:
        refuse_argument("destroy_scheduled_duration must be at least 24 hours and at most 120 days.")


@dataclass
class Key:
    """A crypto key with its versions by number, from 1."""

    description: CryptoKey
    versions: dict[int, Version] = field(default_factory=dict)
    primary: int | None = None

    @classmethod
    def create(cls, name: str, wanted: CryptoKey) -> "Key":
        """A key without versions; refuses purposes and algorithms that are not emulated."""
        allowed = ALGORITHMS.get(Purpose(wanted.purpose))
        if allowed is None:
            refuse_argument(f"purpose {Purpose(wanted.purpose).name} is not supported.")
        description = CryptoKey(wanted)
        description.name = name
        description.create_time = clock.now()
        template = description.version_template
        if not template.algorithm and wanted.purpose == Purpose.ENCRYPT_DECRYPT:
            template.algorithm = Algorithm.GOOGLE_SYMMETRIC_ENCRYPTION
        template.protection_level = template.protection_level or Protection.SOFTWARE
        if template.algorithm not in allowed:
            refuse_argument(f"algorithm {Algorithm(template.algorithm).name} is not valid for this purpose.")
        if "destroy_scheduled_duration" not in description:
            description.destroy_scheduled_duration = DESTROY_AFTER
        check_schedule(description)
        return cls(description)

    def settle(self) -> None:
        """Let what the clock has brought about become true: rotations and destructions."""
        key = self.description
        while "next_rotation_time" in key and key.next_rotation_time <= clock.now():
            self.primary = self.add_version()
            if "rotation_period" not in key:
                del key.next_rotation_time
                break
            key.next_rotation_time = key.next_rotation_time + key.rotation_period
        for version in self.versions.values():
            version.settle()

    def add_version(self) -> int:
        """Generate a version, enabled at once, and answer its number; it does not become primary."""
        number = len(self.versions) + 1
        template = self.description.version_template
        now = clock.now()
        description = CryptoKeyVersion(
            name=f"{self.description.name}/cryptoKeyVersions/{number}",
            state=State.ENABLED,
            protection_level=template.protection_level,
            algorithm=template.algorithm,
            create_time=now,
            generate_time=now,
        )
        material = _make_material(template.algorithm)
        identity = material.id if isinstance(material, SymmetricMaterial) else b""
        self.versions[number] = Version(description, material, identity)
        return number

    def make_primary(self, number: str) -> None:
        """Let Encrypt use an enabled version from now on."""
        self.require(Purpose.ENCRYPT_DECRYPT)
        version = self.version(number)
        if version.description.state != State.ENABLED:
            refuse_state(f"{version.description.name} is not enabled.")
        self.primary = int(number)

    def version(self, number: str) -> Version:
        """The version of a number, or NOT_FOUND."""
        found = self.versions.get(int(number)) if number.isdecimal() else None
        if found is None:
            refuse_missing(f"{self.description.name}/cryptoKeyVersions/{number}")
        return found

    def primary_version(self) -> Version:
        """The version that Encrypt uses, or FAILED_PRECONDITION if the key has none."""
        if self.primary is None:
            refuse_state(f"{self.description.name} has no primary version.")
        return self.versions[self.primary]

    def require(self, purpose: Any) -> None:
        """FAILED_PRECONDITION if the key is of another purpose."""
        if self.description.purpose != purpose:
            own = Purpose(self.description.purpose).name
            refuse_state(f"{self.description.name} has purpose {own}, which does not allow this.")

    def shown(self) -> CryptoKey:
        """The description with a copy of the primary version in it."""
        shown = CryptoKey(self.description)
        if self.primary is not None:
            shown.primary = self.versions[self.primary].description
        return shown
