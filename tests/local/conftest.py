"""Google Cloud's emulated services, started in this process on a loop of their own, one fresh cloud for each test."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from google.cloud import kms_v1, scheduler_v1, secretmanager_v1, tasks_v2
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from scripts.local import clock, google_cloud
from scripts.local.google_cloud import GoogleCloud, Project, Resources
from tests.local.http_target import HttpTarget

Answer = TypeVar("Answer")
PROJECT = Project("briefly-local", 100000000001, "europe-west1", ("mail@briefly-local.iam.gserviceaccount.com",))


class LoopThread:
    """An event loop on a thread of its own, so that blocking clients can be tested against it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine there and wait for its answer."""
        future: Future[Answer] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(timeout=20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()


def eventually(condition: Callable[[], Answer], within: float = 5.0) -> Answer:
    """Poll until the condition is truthy; fail after `within` seconds."""
    limit = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < limit, "it did not come about in time"
        time.sleep(0.005)
    return answer


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def move_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the clock of the emulators, for this test only."""
    monkeypatch.setenv("CLOCK_OFFSET_FILE", str(tmp_path / "clock-offset"))
    return clock.move


@pytest.fixture
def cloud(loop_thread: LoopThread, move_clock: Callable[[timedelta], None]) -> Iterator[GoogleCloud]:
    """A fresh local Google Cloud."""
    running = loop_thread.run(google_cloud.serve(PROJECT, Resources()))
    yield running
    loop_thread.run(running.close())


@pytest.fixture
def target(loop_thread: LoopThread) -> Iterator[HttpTarget]:
    """A worker that records what reaches it and answers as it is told."""
    worker = loop_thread.run(HttpTarget.serve())
    yield worker
    loop_thread.run(worker.close())


@pytest.fixture
def kms(cloud: GoogleCloud) -> Iterator[kms_v1.KeyManagementServiceClient]:
    with grpc.insecure_channel(cloud.kms.target) as channel:
        yield kms_v1.KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))


@pytest.fixture
def secrets(cloud: GoogleCloud) -> Iterator[secretmanager_v1.SecretManagerServiceClient]:
    with grpc.insecure_channel(cloud.secrets.target) as channel:
        transport = SecretManagerServiceGrpcTransport(channel=channel)
        yield secretmanager_v1.SecretManagerServiceClient(transport=transport)


@pytest.fixture
def tasks(cloud: GoogleCloud) -> Iterator[tasks_v2.CloudTasksClient]:
    with grpc.insecure_channel(cloud.tasks.target) as channel:
        yield tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


@contextmanager
def scheduler_client(cloud: GoogleCloud) -> Iterator[scheduler_v1.CloudSchedulerClient]:
    with grpc.insecure_channel(cloud.scheduler.target) as channel:
        yield scheduler_v1.CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel))


@pytest.fixture
def scheduler(cloud: GoogleCloud) -> Iterator[scheduler_v1.CloudSchedulerClient]:
    with scheduler_client(cloud) as client:
        yield client
