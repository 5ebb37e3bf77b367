"""This process's client of Cloud KMS, and how what it carries is checked.

https://cloud.google.com/kms/docs/data-integrity-guidelines
"""

from functools import cache

import google_crc32c
from google.cloud.kms_v1.services.key_management_service import KeyManagementServiceClient
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport

from lib.core.grpc_endpoint import transport
from lib.core.settings import Settings, load

TIMEOUT_SECONDS = 10.0


class KmsSettings(Settings):
    """`kms_endpoint` is for elsewhere than Google."""

    kms_endpoint: str | None = None


def checksum(data: bytes) -> int:
    """CRC32C, by which both sides notice what was changed on the way."""
    return int(google_crc32c.value(data))


@cache
def client() -> KeyManagementServiceClient:
    """This process's client."""
    return KeyManagementServiceClient(
        transport=transport(KeyManagementServiceGrpcTransport, load(KmsSettings).kms_endpoint)
    )
