"""All that is outside of Briefly and that we emulate ourselves, in one process: `python -m scripts.local.world CONFIG`.

CONFIG is a JSON file of `WorldConfig`. When all is served, the endpoints are written to its `endpoints_file`.
"""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from scripts.local import catalog, google, google_cloud, microsoft
from scripts.local.catalog import GATEWAY, Bucket, Catalog
from scripts.local.clerk import server as clerk
from scripts.local.endpoints import WorldEndpoints, redirect_url
from scripts.local.google_cloud import KeySettings, Project, QueueSettings, Resources, ScheduleSettings
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.models import server as models
from scripts.local.models.settings import ModelsConfig
from scripts.local.project import KEY, KEY_RING, PROJECT, PROJECT_NUMBER, REGION, SIGNING_KEY, bucket, service_account
from scripts.local.storage.retention import BucketSettings


class WorldConfig(BaseModel):
    """What the runner has decided: the origin, the keys and secrets, where Pub/Sub is (host:port).

    `storage` is the URL of fake-gcs-server, told to nobody else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    catalog: Path
    pubsub: str
    storage: str
    identity_key: Path
    secrets: dict[str, str]
    google_client_id: str
    google_client_secret: str
    microsoft_client_id: str
    microsoft_client_secret: str
    clerk_webhook_secret: str
    clerk_secret_key: str
    openai_key: str
    anthropic_key: str
    server_certificate: Path
    endpoints_file: Path
    schedules_run: bool


async def serve(config: WorldConfig, stack: AsyncExitStack) -> WorldEndpoints:
    """Serve everything; leaving the stack ends it."""
    rows = catalog.load(config.catalog)
    accounts = {name: service_account(name) for name in (*rows.functions, GATEWAY)}
    cloud = await google_cloud.serve(
        Project(PROJECT, PROJECT_NUMBER, REGION, tuple(accounts.values())),
        Resources(
            queues={name: QueueSettings(**queue.model_dump()) for name, queue in rows.queues.items()},
            secrets=config.secrets,
            key_rings={KEY_RING: KeySettings(encrypt=(KEY,), sign=(SIGNING_KEY,))},
            buckets=_buckets(rows),
            schedules={
                name: ScheduleSettings(row.cron, row.topic, paused=not config.schedules_run)
                for name, row in rows.schedules.items()
            },
        ),
        config.pubsub,
        IdentityTokens.from_file(config.identity_key),
        config.storage,
    )
    stack.push_async_callback(cloud.close)
    outside = await google.serve(
        google.GoogleConfig(
            client_id=config.google_client_id,
            client_secret=config.google_client_secret,
            redirect_uris=(redirect_url(config.origin, "google"),),
            people=google.seeded_people,
        )
    )
    stack.push_async_callback(outside.close)
    other = await microsoft.serve(
        microsoft.MicrosoftConfig(
            client_id=config.microsoft_client_id,
            client_secret=config.microsoft_client_secret,
            redirect_uris=(redirect_url(config.origin, "microsoft"),),
            people=microsoft.seeded_people,
            certificate=config.server_certificate,
        )
    )
    stack.push_async_callback(other.close)
    answering = await models.serve(ModelsConfig(config.openai_key, config.anthropic_key))
    stack.push_async_callback(answering.close)
    people = await clerk.serve(
        clerk.ClerkConfig(
            webhook_url=f"{config.origin}/webhooks/clerk",
            webhook_secret=config.clerk_webhook_secret,
            party=config.origin,
            secret_key=config.clerk_secret_key,
        )
    )
    stack.push_async_callback(people.close)
    return WorldEndpoints(
        kms=cloud.kms.url,
        secrets=cloud.secrets.url,
        tasks=cloud.tasks.url,
        scheduler=cloud.scheduler.url,
        google_cloud_control=cloud.control.url,
        storage=cloud.storage.url,
        iam_credentials=cloud.iam.url,
        metadata={name: cloud.metadata[account].host for name, account in accounts.items()},
        google=outside.url,
        microsoft=other.url,
        microsoft_control=other.control.url,
        models=answering.url,
        clerk=people.url,
    )


def _buckets(rows: Catalog) -> dict[str, BucketSettings]:
    def settings(name: str, row: Bucket) -> BucketSettings:
        functions = rows.functions.items()
        return BucketSettings(
            users=frozenset(service_account(user) for user, function in functions if name in function.buckets),
            readers=frozenset(service_account(user) for user, function in functions if name in function.reads),
            retention=timedelta(seconds=row.retention) if row.retention else None,
            event_based_hold=row.event_based_hold,
        )

    return {bucket(name): settings(name, row) for name, row in rows.buckets.items()}


async def run(config: WorldConfig) -> None:
    """Serve until the process is ended."""
    async with AsyncExitStack() as stack:
        endpoints = await serve(config, stack)
        draft = config.endpoints_file.with_suffix(".draft")
        draft.write_text(endpoints.model_dump_json(), encoding="utf-8")
        os.replace(draft, config.endpoints_file)
        await asyncio.Event().wait()


def main() -> None:
    """The command."""
    config = WorldConfig.model_validate_json(Path(sys.argv[1]).read_bytes())
    loop = asyncio.new_event_loop()
    serving = loop.create_task(run(config))
    loop.add_signal_handler(signal.SIGTERM, serving.cancel)
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(serving)
    loop.close()


if __name__ == "__main__":
    main()
