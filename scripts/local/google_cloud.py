"""Google Cloud's own services for one local project, all started and seeded together.

Faults on command for every one of them are at `GoogleCloud.control`: see `scripts.local.faults`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.cloud import kms_v1, scheduler_v1, secretmanager_v1, tasks_v2

from scripts.local import faults as fault_control
from scripts.local import iam_credentials, kms, metadata, scheduler, secrets, tasks
from scripts.local.access_tokens import AccessTokens
from scripts.local.faults import Faults
from scripts.local.grpc_endpoint import GrpcEndpoint
from scripts.local.http_endpoint import HttpEndpoint
from scripts.local.iam_credentials import IamConfig
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.service_account_keys import ServiceAccountKeys
from scripts.local.storage import server as storage
from scripts.local.storage.retention import BucketSettings
from scripts.local.storage.server import StorageConfig


@dataclass(frozen=True)
class QueueSettings:
    """A queue as the catalogue describes it; back-offs in seconds."""

    rate_per_second: float = 500
    concurrent: int = 1000
    max_attempts: int = 100
    min_backoff: float = 0.1
    max_backoff: float = 3600
    max_doublings: int = 16


@dataclass(frozen=True)
class ScheduleSettings:
    """A schedule as the catalogue describes it, and whether it only runs when it is told to."""

    cron: str
    topic: str
    paused: bool = False


@dataclass(frozen=True)
class KeySettings:
    """A key ring's keys by name: those that encrypt and decrypt, and those that sign."""

    encrypt: Sequence[str] = ()
    sign: Sequence[str] = ()


@dataclass(frozen=True)
class Resources:
    """What exists from the start: queues, buckets and schedules by name, secrets' values by name, keys by ring."""

    queues: Mapping[str, QueueSettings] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    key_rings: Mapping[str, KeySettings] = field(default_factory=dict)
    buckets: Mapping[str, BucketSettings] = field(default_factory=dict)
    schedules: Mapping[str, ScheduleSettings] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """Which project this is, where, and its service accounts by address."""

    id: str
    number: int
    location: str
    service_accounts: Sequence[str] = ()

    @property
    def parent(self) -> str:
        """`projects/…/locations/…`"""
        return f"projects/{self.id}/locations/{self.location}"


@dataclass(frozen=True)
class GoogleCloud:
    """The running services; metadata servers by service account."""

    kms: GrpcEndpoint
    secrets: GrpcEndpoint
    tasks: GrpcEndpoint
    scheduler: GrpcEndpoint
    storage: HttpEndpoint
    iam: HttpEndpoint
    metadata: Mapping[str, HttpEndpoint]
    control: HttpEndpoint
    faults: Faults
    tokens: IdentityTokens
    access_tokens: AccessTokens

    async def close(self) -> None:
        """Stop them all."""
        services = (self.tasks, self.scheduler, self.kms, self.secrets)
        await asyncio.gather(*(service.close() for service in services))
        servers = (*self.metadata.values(), self.storage, self.iam, self.control)
        await asyncio.gather(*(server.close() for server in servers))


async def _make_keys(service: kms.Kms, parent: str, key_rings: Mapping[str, KeySettings]) -> None:
    purpose: Any = kms_v1.CryptoKey.CryptoKeyPurpose
    algorithm: Any = kms_v1.CryptoKeyVersion.CryptoKeyVersionAlgorithm
    template = kms_v1.CryptoKeyVersionTemplate(algorithm=algorithm.RSA_SIGN_PKCS1_3072_SHA256)
    encrypting = kms_v1.CryptoKey(purpose=purpose.ENCRYPT_DECRYPT)
    signing = kms_v1.CryptoKey(purpose=purpose.ASYMMETRIC_SIGN, version_template=template)
    for ring, keys in key_rings.items():
        await service.create_key_ring(kms_v1.CreateKeyRingRequest(parent=parent, key_ring_id=ring))
        for name, wanted in (*((key, encrypting) for key in keys.encrypt), *((key, signing) for key in keys.sign)):
            request = kms_v1.CreateCryptoKeyRequest(
                parent=f"{parent}/keyRings/{ring}", crypto_key_id=name, crypto_key=wanted
            )
            await service.create_crypto_key(request)


async def _make_secrets(service: secrets.Secrets, project: str, values: Mapping[str, str]) -> None:
    automatic = secretmanager_v1.Replication(automatic=secretmanager_v1.Replication.Automatic())
    for name, value in values.items():
        secret = secretmanager_v1.Secret(replication=automatic)
        await service.create_secret(
            secretmanager_v1.CreateSecretRequest(parent=f"projects/{project}", secret_id=name, secret=secret)
        )
        payload = secretmanager_v1.SecretPayload(data=value.encode())
        await service.add_version(
            secretmanager_v1.AddSecretVersionRequest(parent=f"projects/{project}/secrets/{name}", payload=payload)
        )


async def _make_queues(service: tasks.Tasks, parent: str, queues: Mapping[str, QueueSettings]) -> None:
    for name, settings in queues.items():
        queue = tasks_v2.Queue(
            name=f"{parent}/queues/{name}",
            rate_limits=tasks_v2.RateLimits(
                max_dispatches_per_second=settings.rate_per_second,
                max_concurrent_dispatches=settings.concurrent,
            ),
            retry_config=tasks_v2.RetryConfig(
                max_attempts=settings.max_attempts,
                min_backoff=timedelta(seconds=settings.min_backoff),
                max_backoff=timedelta(seconds=settings.max_backoff),
                max_doublings=settings.max_doublings,
            ),
        )
        await service.create_queue(tasks_v2.CreateQueueRequest(parent=parent, queue=queue))


async def _make_schedules(service: scheduler.Scheduler, project: Project, rows: Mapping[str, ScheduleSettings]) -> None:
    """As terraform makes them."""
    for name, row in rows.items():
        job = scheduler_v1.Job(
            name=f"{project.parent}/jobs/{name}",
            schedule=row.cron,
            pubsub_target=scheduler_v1.PubsubTarget(
                topic_name=f"projects/{project.id}/topics/{row.topic}", attributes={"duty": name}
            ),
        )
        await service.create_job(scheduler_v1.CreateJobRequest(parent=project.parent, job=job))
        if row.paused:
            await service.pause_job(scheduler_v1.PauseJobRequest(name=job.name))


async def serve(
    project: Project,
    resources: Resources,
    pubsub: str | None = None,
    tokens: IdentityTokens | None = None,
    storage_backend: str = "",
) -> GoogleCloud:
    """Start every service on a free port of 127.0.0.1.

    `pubsub` is the host:port that Cloud Scheduler publishes to, `storage_backend` the URL of the fake-gcs-server that
    keeps the objects of buckets, if there are any.
    """
    faults = Faults()
    signer = tokens or IdentityTokens()
    access_tokens, keys = AccessTokens(), ServiceAccountKeys(project.service_accounts)
    kms_service = kms.Kms()
    secrets_service = secrets.Secrets(project.id, project.number)
    tasks_config = tasks.TasksConfig(signer, faults)
    tasks_service = tasks.Tasks(signer, tasks_config.name_reuse_after)
    await _make_keys(kms_service, project.parent, resources.key_rings)
    await _make_secrets(secrets_service, project.id, resources.secrets)
    await _make_queues(tasks_service, project.parent, resources.queues)
    scheduler_service = scheduler.Scheduler(signer, pubsub)
    await _make_schedules(scheduler_service, project, resources.schedules)
    return GoogleCloud(
        kms=await kms.serve(kms.KmsConfig(faults), kms_service),
        secrets=await secrets.serve(secrets.SecretsConfig(project.id, project.number, faults), secrets_service),
        tasks=await tasks.serve(tasks_config, tasks_service),
        scheduler=await scheduler.serve(scheduler.SchedulerConfig(signer, pubsub, faults), scheduler_service),
        storage=await storage.serve(StorageConfig(storage_backend, resources.buckets, access_tokens, keys, faults)),
        iam=await iam_credentials.serve(IamConfig(access_tokens, keys, faults=faults)),
        metadata={
            account: await metadata.serve(
                metadata.MetadataConfig(
                    project.id, project.number, project.location, account, signer, faults, access_tokens
                )
            )
            for account in project.service_accounts
        },
        control=await fault_control.serve(faults, signer),
        faults=faults,
        tokens=signer,
        access_tokens=access_tokens,
    )
