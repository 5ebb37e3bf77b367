"""Secret Manager over gRPC, in memory.

Imitates https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1 for secrets and
their versions. Answers name a project by its number, whichever way it was asked for, as Google's do.
Not imitated: IAM, rotation schedules, expiry, regional secrets, aliases other than `latest`, etags, UpdateSecret;
an RPC that is missing answers UNIMPLEMENTED. Fails on command by the fault service name `secrets`.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
from google.cloud import secretmanager_v1 as api
from google.cloud.secretmanager_v1 import Secret, SecretVersion
from google.protobuf.empty_pb2 import Empty

from scripts.local import clock
from scripts.local.faults import Faults
from scripts.local.grpc_endpoint import (
    GrpcEndpoint,
    Method,
    Service,
    refuse_argument,
    refuse_duplicate,
    refuse_missing,
    refuse_state,
    serve_service,
)
from scripts.local.pages import page

# The vendor's enumerations are untyped: to mypy their members are plain integers.
State: Any = SecretVersion.State
# https://cloud.google.com/secret-manager/quotas#content_limits
PAYLOAD_LIMIT = 64 * 1024
PAGE_LIMIT = 25_000


@dataclass(frozen=True)
class SecretsConfig:
    """Whose secrets they are, where to listen and which faults to obey."""

    project: str
    project_number: int
    faults: Faults = field(default_factory=Faults)
    port: int = 0


@dataclass
class StoredVersion:
    """A version and its payload, which is gone once it is destroyed."""

    description: SecretVersion
    data: bytes


@dataclass
class StoredSecret:
    """A secret with its versions, oldest first; number n is at n - 1."""

    description: Secret
    versions: list[StoredVersion] = field(default_factory=list)


class Secrets:
    """The state of Secret Manager and its answers."""

    def __init__(self, project: str, project_number: int) -> None:
        self._project = project
        self._project_number = project_number
        self._secrets: dict[str, StoredSecret] = {}

    async def create_secret(self, request: api.CreateSecretRequest) -> Secret:
        """A secret without versions; the replication policy is required."""
        parent = self._canonical(request.parent)
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,255}", request.secret_id):
            refuse_argument("secret_id is not valid.")
        if "replication" not in request.secret:
            refuse_argument("Field [secret.replication] is required.")
        name = f"{parent}/secrets/{request.secret_id}"
        if name in self._secrets:
            refuse_duplicate(f"Secret [{name}]")
        description = Secret(request.secret)
        description.name = name
        description.create_time = clock.now()
        self._secrets[name] = StoredSecret(description)
        return description

    async def get_secret(self, request: api.GetSecretRequest) -> Secret:
        return self._secret(request.name).description

    async def list_secrets(self, request: api.ListSecretsRequest) -> api.ListSecretsResponse:
        """Newest first."""
        parent = self._canonical(request.parent)
        secrets = [secret.description for name, secret in self._secrets.items() if name.startswith(f"{parent}/")]
        shown, following = page(secrets[::-1], request.page_size, request.page_token, PAGE_LIMIT)
        return api.ListSecretsResponse(secrets=shown, next_page_token=following, total_size=len(secrets))

    async def delete_secret(self, request: api.DeleteSecretRequest) -> Empty:
        secret = self._secret(request.name)
        del self._secrets[secret.description.name]
        return Empty()

    async def add_version(self, request: api.AddSecretVersionRequest) -> SecretVersion:
        """The payload's checksum is verified if given and computed if not."""
        secret = self._secret(request.parent)
        payload = request.payload
        checksum = google_crc32c.value(payload.data)
        if not payload.data:
            refuse_argument("Secret Payload cannot be empty.")
        if len(payload.data) > PAYLOAD_LIMIT:
            refuse_argument("Secret Payload is larger than 64 KiB.")
        if "data_crc32c" in payload and payload.data_crc32c != checksum:
            refuse_argument("The checksum in field data_crc32c did not match the data in field data.")
        description = SecretVersion(
            name=f"{secret.description.name}/versions/{len(secret.versions) + 1}",
            create_time=clock.now(),
            state=State.ENABLED,
            client_specified_payload_checksum="data_crc32c" in payload,
        )
        secret.versions.append(StoredVersion(description, payload.data))
        return description

    async def get_version(self, request: api.GetSecretVersionRequest) -> SecretVersion:
        return self._version(request.name).description

    async def list_versions(self, request: api.ListSecretVersionsRequest) -> api.ListSecretVersionsResponse:
        """Newest first."""
        versions = [version.description for version in self._secret(request.parent).versions]
        shown, following = page(versions[::-1], request.page_size, request.page_token, PAGE_LIMIT)
        return api.ListSecretVersionsResponse(versions=shown, next_page_token=following, total_size=len(versions))

    async def access_version(self, request: api.AccessSecretVersionRequest) -> api.AccessSecretVersionResponse:
        """The payload of an enabled version. `latest` is the newest version, enabled or not:
        https://cloud.google.com/secret-manager/docs/access-secret-version
        """
        version = self._version(request.name)
        if version.description.state != State.ENABLED:
            self._refuse_state(version)
        return api.AccessSecretVersionResponse(
            name=version.description.name,
            payload=api.SecretPayload(data=version.data, data_crc32c=google_crc32c.value(version.data)),
        )

    async def enable_version(self, request: api.EnableSecretVersionRequest) -> SecretVersion:
        return self._move(request.name, State.ENABLED)

    async def disable_version(self, request: api.DisableSecretVersionRequest) -> SecretVersion:
        return self._move(request.name, State.DISABLED)

    async def destroy_version(self, request: api.DestroySecretVersionRequest) -> SecretVersion:
        """At once and for good: https://cloud.google.com/secret-manager/docs/destroy-secret-version"""
        description = self._move(request.name, State.DESTROYED)
        description.destroy_time = clock.now()
        self._version(request.name).data = b""
        return description

    def _move(self, name: str, state: Any) -> SecretVersion:
        version = self._version(name)
        if version.description.state == State.DESTROYED:
            self._refuse_state(version)
        version.description.state = state
        return version.description

    def _refuse_state(self, version: StoredVersion) -> None:
        state = State(version.description.state).name
        refuse_state(f"Secret Version [{version.description.name}] is in {state} state.")

    def _canonical(self, name: str) -> str:
        return re.sub(f"^projects/{re.escape(self._project)}(?=/|$)", f"projects/{self._project_number}", name)

    def _secret(self, name: str) -> StoredSecret:
        found = self._secrets.get(self._canonical(name))
        if found is None:
            refuse_missing(f"Secret [{self._canonical(name)}]")
        return found

    def _version(self, name: str) -> StoredVersion:
        secret_name, _, number = name.rpartition("/versions/")
        versions = self._secret(secret_name).versions
        index = len(versions) if number == "latest" else int(number) if number.isdecimal() else 0
        if not 1 <= index <= len(versions):
            refuse_missing(f"Secret Version [{self._canonical(name)}]")
        return versions[index - 1]

    def service(self) -> Service:
        """What goes on the wire."""
        methods = {
            "CreateSecret": Method(api.CreateSecretRequest, Secret, self.create_secret),
            "GetSecret": Method(api.GetSecretRequest, Secret, self.get_secret),
            "ListSecrets": Method(api.ListSecretsRequest, api.ListSecretsResponse, self.list_secrets),
            "DeleteSecret": Method(api.DeleteSecretRequest, Empty, self.delete_secret),
            "AddSecretVersion": Method(api.AddSecretVersionRequest, SecretVersion, self.add_version),
            "GetSecretVersion": Method(api.GetSecretVersionRequest, SecretVersion, self.get_version),
            "ListSecretVersions": Method(
                api.ListSecretVersionsRequest, api.ListSecretVersionsResponse, self.list_versions
            ),
            "AccessSecretVersion": Method(
                api.AccessSecretVersionRequest, api.AccessSecretVersionResponse, self.access_version
            ),
            "EnableSecretVersion": Method(api.EnableSecretVersionRequest, SecretVersion, self.enable_version),
            "DisableSecretVersion": Method(api.DisableSecretVersionRequest, SecretVersion, self.disable_version),
            "DestroySecretVersion": Method(api.DestroySecretVersionRequest, SecretVersion, self.destroy_version),
        }
        return Service("google.cloud.secretmanager.v1.SecretManagerService", "secrets", methods)


async def serve(config: SecretsConfig, secrets: Secrets | None = None) -> GrpcEndpoint:
    """Serve Secret Manager on 127.0.0.1."""
    answering = secrets or Secrets(config.project, config.project_number)
    return await serve_service(answering.service(), config.faults, config.port)
