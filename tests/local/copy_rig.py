"""A whole local cloud over tiny functions, and the official clients that tests reach it with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import requests
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)
from google.cloud.tasks_v2 import CloudTasksClient, HttpRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage

from scripts.local.background import BackgroundCloud, running
from scripts.local.call import Caller
from scripts.local.project import PROJECT, REGION
from scripts.local.push import Backoff
from scripts.local.runner import Options
from tests.local.front_door_rig import FUNCTIONS

QUICK = Backoff(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=40))


@dataclass
class Copy:
    """A running copy and the clients of it."""

    background: BackgroundCloud
    publisher: PublisherClient
    subscriber: SubscriberClient
    secret_manager: SecretManagerServiceClient
    tasks: CloudTasksClient
    caller: Caller

    @property
    def origin(self) -> str:
        return self.background.origin

    def log(self, function: str) -> list[dict[str, Any]]:
        """What a function's instances wrote."""
        url = f"{self.background.state.control}/_control/functions/{function}/log?lines=10000"
        lines: list[dict[str, Any]] = requests.get(url, timeout=5).json()
        return lines

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Call the runner's control API."""
        return requests.request(method, f"{self.background.state.control}/_control/{path}", json=body, timeout=20)

    def clerk(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call Clerk's control API."""
        url = f"{self.background.state.endpoints.clerk}/_control/{path}"
        answer = requests.request(method, url, json=body, timeout=5)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def publish(self, topic: str, data: bytes, **attributes: str) -> str:
        """Publish a message. Returns its id."""
        message = PubsubMessage(data=data, attributes=attributes)
        published = self.publisher.publish(topic=f"projects/{PROJECT}/topics/{topic}", messages=[message])
        return str(published.message_ids[0])

    def schedule_task(self, url: str, at: datetime) -> None:
        """Have a URL called at an instant."""
        task = Task(http_request=HttpRequest(url=url), schedule_time=at)
        self.tasks.create_task(parent=f"projects/{PROJECT}/locations/{REGION}/queues/later", task=task)

    def pull(self, subscription: str) -> list[PubsubMessage]:
        """What waits in a subscription, acknowledged."""
        path = f"projects/{PROJECT}/subscriptions/{subscription}"
        try:
            answer = self.subscriber.pull(subscription=path, max_messages=10, retry=None, timeout=1)
        except DeadlineExceeded:
            return []
        received = list(answer.received_messages)
        if received:
            self.subscriber.acknowledge(subscription=path, ack_ids=[one.ack_id for one in received])
        return [one.message for one in received]


@contextmanager
def open_copy(folder: Path) -> Iterator[Copy]:
    """A copy on a free port that runs for as long as the block."""
    options = Options(port=0, folder=folder, catalog=FUNCTIONS / "catalog.yaml", push_backoff=QUICK)
    with running(options) as background:
        endpoints = background.state.endpoints
        pubsub = grpc.insecure_channel(endpoints.pubsub.removeprefix("http://"))
        secrets = grpc.insecure_channel(endpoints.secrets.removeprefix("http://"))
        tasks = grpc.insecure_channel(endpoints.tasks.removeprefix("http://"))
        with pubsub, secrets, tasks:
            yield Copy(
                background,
                PublisherClient(transport=PublisherGrpcTransport(channel=pubsub)),
                SubscriberClient(transport=SubscriberGrpcTransport(channel=pubsub)),
                SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=secrets)),
                CloudTasksClient(transport=CloudTasksGrpcTransport(channel=tasks)),
                Caller(background.state),
            )
