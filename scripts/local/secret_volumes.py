"""Secrets as Cloud Run mounts them: files that follow the newest version in Secret Manager.

https://cloud.google.com/run/docs/configuring/services/secrets: a mounted secret is fetched when it is read; here the
files are renewed every second.
"""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from lib.core.secrets import mounted_file
from scripts.local.project import PROJECT

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

RENEW_SECONDS = 1.0
CALL_SECONDS = 5.0


@dataclass(eq=False)
class SecretVolumes:
    """Mounts secrets and keeps them fresh. `endpoint` is Secret Manager's, plaintext gRPC."""

    endpoint: str
    _client: "SecretManagerServiceClient | None" = field(default=None, init=False)
    _mounted: dict[Path, str] = field(default_factory=dict, init=False)
    _renewing: "asyncio.Task[None] | None" = field(default=None, init=False)

    async def mount(self, names: Iterable[str], folder: Path) -> None:
        """Write these secrets into the folder, each into one of its own. Raises Google's API errors."""
        files = {mounted_file(folder, name): name for name in names}
        await asyncio.to_thread(self._make, files)
        self._mounted |= files
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(), name="renew secrets")

    async def close(self) -> None:
        """Stop renewing."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})

    async def _renew(self) -> None:
        from google.api_core.exceptions import GoogleAPIError

        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await asyncio.to_thread(self._write, dict(self._mounted))
            except GoogleAPIError:
                # As on Cloud Run, a version that is disabled or unreachable leaves running instances what they have.
                continue

    def _make(self, files: dict[Path, str]) -> None:
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write(files)

    def _write(self, files: dict[Path, str]) -> None:
        values = {name: self._newest(name) for name in set(files.values())}
        for file, name in files.items():
            if not file.exists() or file.read_bytes() != values[name]:
                # Instances that start side by side write the same file, each by a draft of its own.
                draft = file.with_name(f".{name}.{token_hex(4)}")
                draft.write_bytes(values[name])
                os.replace(draft, file)

    def _newest(self, name: str) -> bytes:
        path = f"projects/{PROJECT}/secrets/{name}/versions/latest"
        return bytes(self._connected().access_secret_version(name=path, timeout=CALL_SECONDS).payload.data)

    def _connected(self) -> "SecretManagerServiceClient":
        if self._client is None:
            import grpc
            from google.cloud.secretmanager_v1 import SecretManagerServiceClient
            from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
                SecretManagerServiceGrpcTransport,
            )

            channel = grpc.insecure_channel(self.endpoint.removeprefix("http://"))
            self._client = SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
        return self._client
