"""The versions of the vault's key: made, preferred and destroyed.

States: https://cloud.google.com/kms/docs/key-states
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud.kms_v1.types import (
    CreateCryptoKeyVersionRequest,
    CryptoKeyVersion,
    DestroyCryptoKeyVersionRequest,
    ListCryptoKeyVersionsRequest,
    UpdateCryptoKeyPrimaryVersionRequest,
)

from lib.core import kms
from lib.core.keys import KeySettings
from lib.core.settings import load
from lib.core.store import FailedPrecondition

# The vendor's enumerations are untyped: to mypy their members are plain integers.
_State: Any = CryptoKeyVersion.CryptoKeyVersionState


@dataclass(frozen=True)
class KeyVersion:
    """A version of the vault's key. `gone_at` is when its destruction becomes, or became, final, once it is ordered."""

    number: int
    usable: bool
    gone_at: datetime | None


def vault_key() -> str:
    """The key's full resource name."""
    return load(KeySettings).vault_key


def all_versions() -> list[KeyVersion]:
    """Every version that there ever was, by number. Raises Google's API errors."""
    request = ListCryptoKeyVersionsRequest(parent=vault_key())
    listed = kms.client().list_crypto_key_versions(request=request, timeout=kms.TIMEOUT_SECONDS)
    return sorted((_version(one) for one in listed), key=lambda version: version.number)


def create() -> int:
    """Make a version; its number. It does not encrypt by itself until it is primary. Raises Google's API errors."""
    request = CreateCryptoKeyVersionRequest(parent=vault_key())
    made = kms.client().create_crypto_key_version(request=request, timeout=kms.TIMEOUT_SECONDS)
    return _version(made).number


def make_primary(number: int) -> None:
    """Have the key encrypt with this version, soon everywhere. Raises Google's API errors."""
    request = UpdateCryptoKeyPrimaryVersionRequest(name=vault_key(), crypto_key_version_id=str(number))
    kms.client().update_crypto_key_primary_version(request=request, timeout=kms.TIMEOUT_SECONDS)


def order_destruction(number: int) -> None:
    """Have a version destroyed, which can be undone until it is final; one that is going already is left to go.

    Raises Google's API errors.
    """
    request = DestroyCryptoKeyVersionRequest(name=f"{vault_key()}/cryptoKeyVersions/{number}")
    try:
        kms.client().destroy_crypto_key_version(request=request, timeout=kms.TIMEOUT_SECONDS)
    except FailedPrecondition:
        if all(version.gone_at is None for version in all_versions() if version.number == number):
            raise


def _version(found: CryptoKeyVersion) -> KeyVersion:
    state = _State(found.state).name
    gone_at = {"DESTROY_SCHEDULED": found.destroy_time, "DESTROYED": found.destroy_event_time}.get(state)
    return KeyVersion(int(found.name.rpartition("/")[2]), state == "ENABLED", gone_at)
