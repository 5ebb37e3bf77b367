"""Which key signs; apart from the signing, so that who seldom signs or verifies need not load KMS's client to start."""

from typing import Annotated

from pydantic import StringConstraints

from lib.core.settings import Settings


class SignatureSettings(Settings):
    """`attestation_key` is the full resource name of the key version that signs: signing keys have no primary one."""

    attestation_key: Annotated[str, StringConstraints(pattern=r"/cryptoKeyVersions/\d+$")]
