import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import jwt
import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud import scheduler_v1
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import PublishRequest, PublishResponse

from scripts.local import clock, google_cloud
from scripts.local.faults import Faults
from scripts.local.google_cloud import GoogleCloud, Resources
from scripts.local.grpc_endpoint import Method, Refused, Service, serve_service
from scripts.local.scheduled_job import next_time
from tests.local.conftest import PROJECT, LoopThread, eventually, scheduler_client
from tests.local.http_target import HttpTarget

PARENT = "projects/briefly-local/locations/europe-west1"
JOB = f"{PARENT}/jobs/maintain"
INVOKER = "tasks-invoker@briefly-local.iam.gserviceaccount.com"
Client = scheduler_v1.CloudSchedulerClient
Move = Callable[[timedelta], None]
State: Any = scheduler_v1.Job.State
HOUR = timedelta(hours=1)
TOPIC = "projects/briefly-local/topics/maintain"


def job(target: HttpTarget, **fields: Any) -> scheduler_v1.Job:
    request = scheduler_v1.HttpTarget(uri=target.url, **fields.pop("request", {}))
    return scheduler_v1.Job(**{"name": JOB, "schedule": "0 * * * *", "http_target": request, **fields})


def arrived(target: HttpTarget, count: int) -> None:
    eventually(lambda: len(target.received) >= count)
    assert len(target.received) == count


def test_a_job_runs_at_its_time_and_then_at_the_next(scheduler: Client, target: HttpTarget, move_clock: Move) -> None:
    created = scheduler.create_job(parent=PARENT, job=job(target, request={"body": b"{}"}))
    first = created.schedule_time
    assert first.minute == 0
    assert timedelta() < first - clock.now() <= HOUR
    assert target.received == []
    move_clock(first - clock.now())
    arrived(target, 1)
    received = target.received[0]
    assert received.method == "POST"
    assert received.headers["User-Agent"] == "Google-Cloud-Scheduler"
    assert received.headers["Content-Type"] == "application/octet-stream"
    assert received.headers["X-CloudScheduler"] == "true"
    assert received.headers["X-CloudScheduler-JobName"] == "maintain"
    assert datetime.fromisoformat(received.headers["X-CloudScheduler-ScheduleTime"]) == first
    eventually(lambda: scheduler.get_job(name=JOB).schedule_time == first + HOUR)
    move_clock(HOUR)
    arrived(target, 2)


def test_times_that_passed_in_one_leap_are_run_once(scheduler: Client, target: HttpTarget, move_clock: Move) -> None:
    scheduler.create_job(parent=PARENT, job=job(target))
    move_clock(24 * HOUR)
    eventually(lambda: scheduler.get_job(name=JOB).schedule_time > clock.now())
    arrived(target, 1)


def test_the_token_is_for_the_uri(scheduler: Client, target: HttpTarget, cloud: GoogleCloud) -> None:
    token = scheduler_v1.OidcToken(service_account_email=INVOKER)
    scheduler.create_job(parent=PARENT, job=job(target, request={"oidc_token": token}))
    scheduler.run_job(name=JOB)
    arrived(target, 1)
    bearer = target.received[0].headers["Authorization"].removeprefix("Bearer ")
    key = jwt.PyJWKSet.from_dict(cloud.tokens.jwks()).keys[0]
    assert jwt.decode(bearer, key, algorithms=["RS256"], audience=target.url)["email"] == INVOKER


def test_a_failed_job_is_retried_as_configured_and_no_more(
    scheduler: Client, target: HttpTarget, move_clock: Move
) -> None:
    target.statuses = [500, 500, 500]
    retries = scheduler_v1.RetryConfig(retry_count=2, min_backoff_duration=timedelta(seconds=20))
    daily = job(target, schedule="0 3 * * *", retry_config=retries)
    created = scheduler.create_job(parent=PARENT, job=daily)
    move_clock(created.schedule_time - clock.now())
    for attempt, interval in enumerate((20, 40), start=1):
        arrived(target, attempt)
        wait = timedelta(seconds=interval)
        eventually(lambda: timedelta() < scheduler.get_job(name=JOB).schedule_time - clock.now() < HOUR)
        move_clock(wait)
    arrived(target, 3)
    eventually(lambda: scheduler.get_job(name=JOB).schedule_time - clock.now() > HOUR)
    assert scheduler.get_job(name=JOB).status.code == 13


def test_a_job_without_retries_waits_for_its_next_time(scheduler: Client, target: HttpTarget, move_clock: Move) -> None:
    target.statuses = [500]
    created = scheduler.create_job(parent=PARENT, job=job(target))
    move_clock(created.schedule_time - clock.now())
    arrived(target, 1)
    following = created.schedule_time + HOUR
    eventually(lambda: scheduler.get_job(name=JOB).schedule_time == following)


def test_a_target_that_is_too_slow_is_cut_off_by_the_clock(
    scheduler: Client, target: HttpTarget, move_clock: Move
) -> None:
    target.hanging = True
    created = scheduler.create_job(parent=PARENT, job=job(target))
    assert created.attempt_deadline == timedelta(minutes=3)
    move_clock(created.schedule_time - clock.now())
    arrived(target, 1)
    move_clock(timedelta(minutes=3))
    eventually(lambda: scheduler.get_job(name=JOB).status.code == 4)


def test_a_paused_job_does_not_run_and_does_not_make_up_for_it(
    scheduler: Client, target: HttpTarget, move_clock: Move
) -> None:
    scheduler.create_job(parent=PARENT, job=job(target))
    assert scheduler.pause_job(name=JOB).state == State.PAUSED
    with pytest.raises(FailedPrecondition):
        scheduler.pause_job(name=JOB)
    move_clock(2 * HOUR)
    resumed = scheduler.resume_job(name=JOB)
    assert resumed.state == State.ENABLED
    assert resumed.schedule_time > clock.now()
    with pytest.raises(FailedPrecondition):
        scheduler.resume_job(name=JOB)
    assert target.received == []
    move_clock(HOUR)
    arrived(target, 1)


def test_a_paused_job_can_be_run_by_hand(scheduler: Client, target: HttpTarget) -> None:
    scheduler.create_job(parent=PARENT, job=job(target))
    scheduler.pause_job(name=JOB)
    scheduler.run_job(name=JOB)
    arrived(target, 1)


def test_an_update_changes_only_what_its_mask_names(scheduler: Client, target: HttpTarget) -> None:
    scheduler.create_job(parent=PARENT, job=job(target, description="kept"))
    changed = scheduler_v1.Job(name=JOB, schedule="30 4 * * *", time_zone="Europe/Berlin")
    mask = FieldMask(paths=["schedule", "time_zone"])
    updated = scheduler.update_job(job=changed, update_mask=mask)
    assert updated.description == "kept"
    assert updated.http_target.uri == target.url
    assert (updated.schedule, updated.time_zone) == ("30 4 * * *", "Europe/Berlin")
    assert updated.schedule_time.minute == 30
    with pytest.raises(InvalidArgument):
        scheduler.update_job(job=changed, update_mask=FieldMask(paths=["state"]))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-01-15T12:00:00+00:00", "2026-01-16T08:00:00+00:00"),
        ("2026-07-15T12:00:00+00:00", "2026-07-16T07:00:00+00:00"),
    ],
)
def test_a_schedule_is_read_in_its_time_zone(after: str, expected: str) -> None:
    found = next_time("0 9 * * *", "Europe/Berlin", datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(expected)
    assert found.tzinfo is UTC


def test_invalid_jobs_are_refused(scheduler: Client, target: HttpTarget) -> None:
    target_and_more = {"oidc_token": scheduler_v1.OidcToken(service_account_email=INVOKER)}
    valid = job(target, request=target_and_more)
    for fields in (
        {"schedule": "every 5 minutes"},
        {"schedule": "61 * * * *"},
        {"schedule": "0 0 30 2 *"},
        {"time_zone": "Mars/Olympus"},
        {"attempt_deadline": timedelta(seconds=1)},
        {"retry_config": scheduler_v1.RetryConfig(retry_count=6)},
        {"http_target": scheduler_v1.HttpTarget(uri="ftp://x.example")},
        {"http_target": scheduler_v1.HttpTarget(uri=target.url, oidc_token=scheduler_v1.OidcToken(audience="x"))},
        {"pubsub_target": scheduler_v1.PubsubTarget(topic_name=TOPIC)},
        {"name": f"{PARENT}/jobs/not a name"},
        {"name": "projects/other/locations/europe-west1/jobs/maintain"},
    ):
        invalid = scheduler_v1.Job(valid)
        for field, value in fields.items():
            setattr(invalid, field, value)
        with pytest.raises(InvalidArgument):
            scheduler.create_job(parent=PARENT, job=invalid)
    with pytest.raises(InvalidArgument):
        scheduler.create_job(parent=PARENT, job=scheduler_v1.Job(name=JOB, schedule="* * * * *"))
    assert list(scheduler.list_jobs(parent=PARENT)) == []


def test_jobs_that_exist_or_do_not_are_told_apart(scheduler: Client, target: HttpTarget) -> None:
    scheduler.create_job(parent=PARENT, job=job(target))
    with pytest.raises(AlreadyExists):
        scheduler.create_job(parent=PARENT, job=job(target))
    assert [found.name for found in scheduler.list_jobs(parent=PARENT)] == [JOB]
    scheduler.delete_job(name=JOB)
    for call in (scheduler.get_job, scheduler.run_job, scheduler.pause_job, scheduler.delete_job):
        with pytest.raises(NotFound):
            call(name=JOB)


class Topic:
    """A publisher service with one topic, which keeps what was published."""

    def __init__(self) -> None:
        self.published: list[PublishRequest] = []

    async def publish(self, request: PublishRequest) -> PublishResponse:
        if request.topic != TOPIC:
            raise Refused(grpc.StatusCode.NOT_FOUND, "no such topic")
        self.published.append(request)
        return PublishResponse(message_ids=["1"])


@pytest.fixture
def topic(loop_thread: LoopThread) -> Topic:
    return Topic()


@pytest.fixture
def publishing(topic: Topic, loop_thread: LoopThread, move_clock: Move) -> Iterator[Client]:
    """A scheduler that publishes to the topic."""
    methods = {"Publish": Method(PublishRequest, PublishResponse, topic.publish)}
    service = Service("google.pubsub.v1.Publisher", "pubsub", methods)
    publisher = loop_thread.run(serve_service(service, Faults()))
    running = loop_thread.run(google_cloud.serve(PROJECT, Resources(), pubsub=publisher.target))
    with scheduler_client(running) as client:
        yield client
    loop_thread.run(running.close())
    loop_thread.run(publisher.close())


def test_a_job_publishes_its_message(publishing: Client, topic: Topic, move_clock: Move) -> None:
    message = scheduler_v1.PubsubTarget(topic_name=TOPIC, data=b"due", attributes={"kind": "watches"})
    wanted = scheduler_v1.Job(name=JOB, schedule="*/5 * * * *", pubsub_target=message)
    publishing.create_job(parent=PARENT, job=wanted)
    move_clock(timedelta(minutes=5))
    eventually(lambda: topic.published)
    published = topic.published[0].messages[0]
    assert (published.data, dict(published.attributes)) == (b"due", {"kind": "watches"})


def test_a_missing_topic_shows_in_the_jobs_status(publishing: Client) -> None:
    message = scheduler_v1.PubsubTarget(topic_name=f"{TOPIC}-none", data=b"due")
    wanted = scheduler_v1.Job(name=JOB, schedule="*/5 * * * *", pubsub_target=message)
    publishing.create_job(parent=PARENT, job=wanted)
    publishing.run_job(name=JOB)
    eventually(lambda: publishing.get_job(name=JOB).status.code == 5)


def test_a_moved_clock_is_noticed_within_50_ms(move_clock: Move, loop_thread: LoopThread) -> None:
    async def leap() -> float:
        waiting = asyncio.create_task(clock.sleep_until(clock.now() + HOUR))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        moved_at = loop.time()
        move_clock(HOUR)
        await waiting
        return loop.time() - moved_at

    # The fastest of several: a busy machine may be late once, a loop that does not look is late always.
    assert min(loop_thread.run(leap()) for _ in range(5)) < 0.05
