"""Cloud Storage of a local cloud without the rest of it: three accounts, four buckets, the official client."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from google.auth.credentials import Credentials, Signing
from google.cloud import storage

from scripts.local import google_cloud
from scripts.local.children import Children
from scripts.local.google_cloud import GoogleCloud, Project, Resources
from scripts.local.preflight import free_port
from scripts.local.project import bucket, service_account
from scripts.local.storage import program
from scripts.local.storage.retention import BucketSettings
from tests.local.conftest import LoopThread

USER, READER, STRANGER = service_account("shelf"), service_account("lens"), service_account("stranger")
USERS = frozenset({USER})
RETENTION = timedelta(days=30)
BUCKETS = {
    bucket("files"): BucketSettings(USERS, readers=frozenset({READER})),
    bucket("kept"): BucketSettings(USERS, retention=RETENTION),
    bucket("on-hold"): BucketSettings(USERS, retention=RETENTION, event_based_hold=True),
    bucket("of-others"): BucketSettings(frozenset({STRANGER})),
}
PROJECT = Project("briefly-local", 100000000001, "europe-west1", (USER, READER, STRANGER))


class Account(Credentials, Signing):
    """A service account as the official client takes one: its tokens, and what the IAM Credentials API signs."""

    def __init__(self, rig: "StorageRig", account: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rig, self._account = rig, account

    def refresh(self, request: Any) -> None:
        self.token = self._rig.access_token(self._account)

    @property
    def signer_email(self) -> str:
        return self._account

    @property
    def signer(self) -> None:
        return

    def sign_bytes(self, message: bytes) -> bytes:
        answer = self._rig.sign_blob(self._account, message, self._rig.access_token(self._account))
        return base64.b64decode(answer.json()["signedBlob"])


@dataclass
class StorageRig:
    """The running services, and how tests come to them."""

    cloud: GoogleCloud
    loop: LoopThread

    @property
    def url(self) -> str:
        return self.cloud.storage.url

    def access_token(self, account: str = USER) -> str:
        """What the metadata server gives to an instance of this account."""
        url = f"{self.cloud.metadata[account].url}/computeMetadata/v1/instance/service-accounts/default/token"
        answer = requests.get(url, headers={"Metadata-Flavor": "Google"}, timeout=5)
        return str(answer.json()["access_token"])

    def sign_blob(self, account: str, message: bytes, token: str | None) -> requests.Response:
        """Ask the IAM Credentials API to sign."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.cloud.iam.url}/v1/projects/-/serviceAccounts/{account}:signBlob"
        return requests.post(url, json={"payload": base64.b64encode(message).decode()}, headers=headers, timeout=5)

    def client(self, account: str = USER, url: str | None = None) -> storage.Client:
        """The official client of an account."""
        options = {"api_endpoint": url or self.url}
        return storage.Client(project=PROJECT.id, credentials=Account(self, account), client_options=options)

    def bucket(self, name: str = "files", account: str = USER) -> storage.Bucket:
        """A bucket by its short name, as the official client sees it."""
        return self.client(account).bucket(bucket(name))

    def signed(self, blob: storage.Blob, account: str = USER, **options: Any) -> str:
        """A signed URL by the official client."""
        return str(
            blob.generate_signed_url(
                version="v4",
                credentials=Account(self, account),
                api_access_endpoint=self.url,
                **{"expiration": timedelta(minutes=5)} | options,
            )
        )


@contextmanager
def storage_rig(loop: LoopThread, folder: Path) -> Iterator[StorageRig]:
    """The services for as long as the block."""
    children = Children()

    async def start() -> GoogleCloud:
        await children.__aenter__()
        port = free_port()
        await program.start(program.find_program(), children, folder / "storage.log", port)
        return await google_cloud.serve(PROJECT, Resources(buckets=BUCKETS), storage_backend=f"http://127.0.0.1:{port}")

    cloud = loop.run(start())
    try:
        yield StorageRig(cloud, loop)
    finally:
        loop.run(cloud.close())
        loop.run(children.__aexit__())
