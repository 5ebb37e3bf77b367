"""The least that hands out a token from a vault without keysets: Cloud KMS opens each token whenever it is asked for.

As Briefly's vault does it reads the token from Firestore and writes each hand-out down before it answers, and nothing
else: it knows no callers, no scopes and no expiry.
"""

import os
import secrets
from datetime import UTC, datetime
from typing import Any

import functions_framework
from google.cloud import firestore
from google.cloud.kms_v1.services.key_management_service import KeyManagementServiceClient
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport

from lib.core.grpc_endpoint import transport

PROJECT, KEY = os.environ["GOOGLE_CLOUD_PROJECT"], os.environ["VAULT_KEY"]
TOKEN_CHARACTERS = 250

_kms = KeyManagementServiceClient(
    transport=transport(KeyManagementServiceGrpcTransport, os.environ.get("KMS_ENDPOINT"))
)
_token = firestore.Client(project=PROJECT, database="vault").document("peers/kms_each_time")
_audit = firestore.Client(project=PROJECT, database="audit").collection("peers/kms_each_time/audit_entries")


@functions_framework.http
def bare(_: Any) -> dict[str, str]:
    """Hand out the token."""
    stored = _token.get().to_dict()
    if stored is None:
        sealed = _kms.encrypt(request={"name": KEY, "plaintext": secrets.token_urlsafe(TOKEN_CHARACTERS).encode()})
        stored = {"sealed": sealed.ciphertext}
        _token.set(stored)
    token = _kms.decrypt(request={"name": KEY, "ciphertext": stored["sealed"]}).plaintext.decode()
    _audit.document().create({"at": datetime.now(UTC), "action": "hand-out"})
    return {"token": token}
