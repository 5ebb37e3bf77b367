"""A vault apart from the running copy's: databases, keys and a bucket of its own, and instances that can be killed.

What an instance asks of Firestore and of Cloud KMS goes through a line that counts the calls, and kills the instance
before or after the one that a test names: as an instance dies, in the middle of its work and without a word.
"""

import multiprocessing
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

import grpc
import requests
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport

from lib.accounts.vault import keysets
from lib.core import kms, store
from lib.core.environment import Environment
from lib.core.keys import KeySettings
from lib.core.kms import KmsSettings
from scripts.local import google_cloud
from scripts.local.children import Children
from scripts.local.google_cloud import GoogleCloud, Project, Resources
from scripts.local.preflight import free_port
from scripts.local.storage import program
from scripts.local.storage.retention import BucketSettings
from tests.accounts.answering import configured
from tests.briefly import Briefly
from tests.local.conftest import LoopThread

PROJECT = "briefly-keys"
LOCATION = "europe-west1"
ACCOUNT = f"function-tokens@{PROJECT}.iam.gserviceaccount.com"
RING, SIGNING_KEY = "vault", "attestations"
PRELOADED = ["lib.accounts.vault.key_sweeps", "lib.core.storage", "google.cloud.storage", "google.cloud.kms_v1"]
LONGEST_WORK_SECONDS = 60


@dataclass
class KillingLine(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes calls on. At the call with this number the process is killed, before it takes effect or after it."""

    channel: grpc.Channel
    calls: "Calls"

    def service(self, details: Any) -> Any:
        ask = self.channel.stream_stream(details.method)

        def carry(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            is_last = self.calls.count(details.method)
            if is_last and not self.calls.after:
                self.calls.kill()
            metadata = [(key, value) for key, value in context.invocation_metadata() if key != "user-agent"]
            try:
                answers = list(ask(requests, timeout=10, metadata=metadata))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
                raise
            if is_last:
                self.calls.kill()
            yield from answers

        return grpc.stream_stream_rpc_method_handler(carry)


@dataclass
class Calls:
    """The calls of an instance so far, and at which it dies."""

    last: int = 0
    after: bool = False
    pid: int = 0
    made: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, last: int, after: bool) -> None:
        self.last, self.after, self.pid = last, after, 0
        self.made.clear()

    def count(self, method: str) -> bool:
        with self._lock:
            self.made.append(method.rpartition("/")[2])
            return len(self.made) == self.last

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@dataclass
class VaultWorld:
    """The emulated services, and the names of this vault's own things in them."""

    cloud: GoogleCloud
    firestore: str
    lines: Mapping[str, str]
    calls: Calls
    folder: Path
    vault_key: str = ""

    @property
    def kms(self) -> kms_v1.KeyManagementServiceClient:
        """Cloud KMS, past the line."""
        channel = grpc.insecure_channel(self.cloud.kms.target)
        return kms_v1.KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))

    def start_afresh(self) -> None:
        """Forget all documents, and have another key of the vault, with one version."""
        for database in ("vault", "audit", "(default)"):
            url = f"http://{self.firestore}/emulator/v1/projects/{PROJECT}/databases/{database}/documents"
            requests.delete(url, timeout=30).raise_for_status()
        purpose: Any = kms_v1.CryptoKey.CryptoKeyPurpose
        ring = f"projects/{PROJECT}/locations/{LOCATION}/keyRings/{RING}"
        wanted = kms_v1.CryptoKey(purpose=purpose.ENCRYPT_DECRYPT)
        made = self.kms.create_crypto_key(parent=ring, crypto_key_id=f"t{secrets.token_hex(8)}", crypto_key=wanted)
        self.vault_key = made.name

    def environment(self, through_lines: bool) -> dict[str, str]:
        """What a process of this vault sees."""
        reached = self.lines if through_lines else {"firestore": self.firestore, "kms": self.cloud.kms.target}
        return {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "K_SERVICE": "tokens",
            "FUNCTION_URL": "http://127.0.0.1:9/{name}",
            "FIRESTORE_EMULATOR_HOST": reached["firestore"],
            "KMS_ENDPOINT": f"http://{reached['kms']}",
            "VAULT_KEY": self.vault_key,
            "ATTESTATION_KEY": f"{self.vault_key.rpartition('/')[0]}/{SIGNING_KEY}/cryptoKeyVersions/1",
            "BACKUPS_KEPT": "P7D",
            "STORAGE_ENDPOINT": self.cloud.storage.url,
            "IAM_CREDENTIALS_ENDPOINT": self.cloud.iam.url,
            "GCE_METADATA_HOST": self.cloud.metadata[ACCOUNT].host,
            "GCE_METADATA_IP": self.cloud.metadata[ACCOUNT].host,
            "CLOCK_OFFSET_FILE": str(self.folder / "clock-offset"),
        }

    @contextmanager
    def here(self) -> Iterator[None]:
        """The test's own process is an instance too, which nothing kills."""
        before = {name: os.environ.get(name) for name in ("FIRESTORE_EMULATOR_HOST", "CLOCK_OFFSET_FILE")}
        own = self.environment(through_lines=False)
        os.environ |= {name: own[name] for name in before}
        named = Environment(google_cloud_project=PROJECT, k_service="tokens", function_url=own["FUNCTION_URL"])
        keys, endpoint = KeySettings(vault_key=self.vault_key), KmsSettings(kms_endpoint=own["KMS_ENDPOINT"])
        with configured(named, keys, endpoint):
            self._forget()
            try:
                yield
            finally:
                self._forget()
                for name, value in before.items():
                    os.environ.pop(name) if value is None else os.environ.update({name: value})

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What a fresh instance makes of the work. Fails when it raises."""
        return self._finish(self._start(False, work, *arguments))

    def run_at_once(self, count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What several fresh instances make of the same work at the same time."""
        return [self._finish(one) for one in [self._start(False, work, *arguments) for _ in range(count)]]

    def is_killed(self, last: int, after: bool, work: Callable[..., Any], *arguments: Any) -> bool:
        """Whether an instance died at the call with this number; False if it was done before."""
        self.calls.begin(last, after)
        process, answers = self._start(True, work, *arguments)
        process.join(LONGEST_WORK_SECONDS)
        if process.exitcode == -signal.SIGKILL:
            return True
        self._finish((process, answers))
        return False

    def _start(self, through_lines: bool, work: Callable[..., Any], *arguments: Any) -> tuple[Any, Connection]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_be_instance, args=(theirs, self.environment(through_lines), work, arguments), daemon=True
        )
        process.start()
        self.calls.pid = process.pid or 0
        ours.send("begin")
        return process, ours

    def _finish(self, started: tuple[Any, Connection]) -> Any:
        process, answers = started
        assert answers.poll(LONGEST_WORK_SECONDS), "the instance does not answer"
        failure, outcome = answers.recv()
        process.join(LONGEST_WORK_SECONDS)
        assert failure is None, failure
        return outcome

    def _forget(self) -> None:
        store.client.cache_clear()
        kms.client.cache_clear()
        keysets._kept.clear()


def _be_instance(
    answers: Connection, environment: Mapping[str, str], work: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ |= environment
    answers.recv()
    try:
        answers.send((None, work(*arguments)))
    except Exception as error:
        answers.send((f"{type(error).__name__}: {error}", None))


@contextmanager
def vault_world(briefly: Briefly, folder: Path) -> Iterator[VaultWorld]:
    """The services for as long as the block; Firestore is the running copy's, with another project."""
    loop, children = LoopThread(), Children()
    firestore = briefly.state.endpoints.firestore.removeprefix("http://")
    project = Project(PROJECT, 100000000002, LOCATION, (ACCOUNT,))

    async def start() -> GoogleCloud:
        await children.__aenter__()
        port = free_port()
        await program.start(program.find_program(), children, folder / "storage.log", port)
        resources = Resources(
            key_rings={RING: google_cloud.KeySettings(sign=(SIGNING_KEY,))},
            buckets={f"{PROJECT}-certificates": BucketSettings(frozenset({ACCOUNT}))},
        )
        return await google_cloud.serve(project, resources, storage_backend=f"http://127.0.0.1:{port}")

    # Time is the vault's own only while a test works with it: the other tests' is the running copy's.
    with _environment({"CLOCK_OFFSET_FILE": str(folder / "clock-offset")}):
        cloud, calls = loop.run(start()), Calls()
    with _line(firestore, calls) as to_firestore, _line(cloud.kms.target, calls) as to_kms:
        world = VaultWorld(cloud, firestore, {"firestore": to_firestore, "kms": to_kms}, calls, folder)
        with _environment(world.environment(through_lines=False)):
            # Google's libraries read where the metadata server is when they are loaded.
            world.start_afresh()
            world.run(os.getpid)
        yield world
    loop.run(cloud.close())
    loop.run(children.__aexit__())
    loop.stop()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ |= variables
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


@contextmanager
def _line(target: str, calls: Calls) -> Iterator[str]:
    channel = grpc.insecure_channel(target)
    server = grpc.server(ThreadPoolExecutor(32))
    server.add_generic_rpc_handlers((KillingLine(channel, calls),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()
    channel.close()
