"""The IAM Credentials API: signBlob with the key that Google keeps for a service account.

Imitates https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob: an account
signs as itself, or as one that it may create tokens for (`roles/iam.serviceAccountTokenCreator`). The certificates are
where Google has them, under `/service_accounts/v1/metadata/x509/`. Not imitated: generateAccessToken, generateIdToken,
signJwt, delegation, rotation. Fails on command by the fault service name `iam`, method `signBlob`.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from scripts.local.access_tokens import AccessTokens
from scripts.local.faults import Faults
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.metadata import HTTP_STATUS
from scripts.local.service_account_keys import ServiceAccountKeys

IAM = "iam"
SIGN_BLOB = "signBlob"
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


@dataclass(frozen=True)
class IamConfig:
    """Whose keys these are; `token_creators` names, by account, who beside itself may sign as it."""

    tokens: AccessTokens
    keys: ServiceAccountKeys
    token_creators: Mapping[str, frozenset[str]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)


class SignBlobRequest(BaseModel):
    """The body: the payload in base64. `delegates` may be there, but no chain of them is known."""

    model_config = ConfigDict(extra="forbid")

    payload: str
    delegates: tuple[str, ...] = ()


def _refusal(code: int, message: str, status: str = "", **extra: Any) -> web.Response:
    """https://cloud.google.com/apis/design/errors#http_mapping"""
    error = {"code": code, "message": message, "status": status or STATUSES[code], **extra}
    return web.json_response({"error": error}, status=code)


def _denied() -> web.Response:
    message = "Permission 'iam.serviceAccounts.signBlob' denied on resource (or it may not exist)."
    information = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "IAM_PERMISSION_DENIED",
        "domain": "iam.googleapis.com",
        "metadata": {"permission": "iam.serviceAccounts.signBlob"},
    }
    return _refusal(403, message, details=[information])


class IamCredentials:
    """The answers of the API."""

    def __init__(self, config: IamConfig) -> None:
        self._config = config

    async def sign_blob(self, request: web.Request) -> web.Response:
        """Sign the payload; 401 without an access token, 403 for an account that is not one's own."""
        fault = self._config.faults.take(IAM, SIGN_BLOB)
        if fault is not None and not fault.after_commit:
            await fault.hold()
            if fault.code is not None:
                return _refusal(HTTP_STATUS.get(fault.code, 500), "fault on command", fault.code.name)
        answer = await self._signed(request)
        if fault is not None and fault.after_commit and fault.code is not None:
            await fault.hold()
            return _refusal(HTTP_STATUS.get(fault.code, 500), "fault on command", fault.code.name)
        return answer

    async def _signed(self, request: web.Request) -> web.Response:
        caller = self._config.tokens.account_of(request.headers.get("Authorization"))
        if caller is None:
            return _refusal(401, "Request had invalid authentication credentials. Expected OAuth 2 access token.")
        account = request.match_info["account"]
        if caller != account and caller not in self._config.token_creators.get(account, frozenset()):
            return _denied()
        try:
            payload = base64.b64decode(SignBlobRequest.model_validate_json(await request.read()).payload, validate=True)
            key_id, signature = self._config.keys.sign(account, payload)
        except (ValidationError, binascii.Error):
            return _refusal(400, "Invalid value at 'payload' (TYPE_BYTES), Base64 decoding failed.")
        except KeyError:
            return _denied()
        return web.json_response({"keyId": key_id, "signedBlob": base64.b64encode(signature).decode()})

    async def certificates(self, request: web.Request) -> web.Response:
        """The public certificates of an account."""
        try:
            return web.json_response(self._config.keys.certificates(request.match_info["account"]))
        except KeyError:
            return _refusal(404, "Service account not found.")


async def serve(config: IamConfig) -> HttpEndpoint:
    """Serve the API on 127.0.0.1."""
    answers = IamCredentials(config)
    application = web.Application()
    application.add_routes(
        [
            web.post("/v1/projects/-/serviceAccounts/{account}:signBlob", answers.sign_blob),
            web.get("/service_accounts/v1/metadata/x509/{account}", answers.certificates),
        ]
    )
    return await serve_application(application)
