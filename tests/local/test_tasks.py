from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud import tasks_v2
from google.protobuf.field_mask_pb2 import FieldMask

from scripts.local import clock
from scripts.local.google_cloud import GoogleCloud
from tests.local.conftest import eventually
from tests.local.http_target import HttpTarget, Received

PARENT = "projects/briefly-local/locations/europe-west1"
QUEUE = f"{PARENT}/queues/mail"
INVOKER = "tasks-invoker@briefly-local.iam.gserviceaccount.com"
Client = tasks_v2.CloudTasksClient
Move = Callable[[timedelta], None]
State: Any = tasks_v2.Queue.State
Verb: Any = tasks_v2.HttpMethod
View: Any = tasks_v2.Task.View


def make_queue(
    client: Client,
    rate_limits: tasks_v2.RateLimits | None = None,
    retry_config: tasks_v2.RetryConfig | None = None,
) -> tasks_v2.Queue:
    queue = tasks_v2.Queue(name=QUEUE, rate_limits=rate_limits, retry_config=retry_config)
    return client.create_queue(parent=PARENT, queue=queue)


@pytest.fixture
def queue(tasks: Client) -> Client:
    seconds = timedelta(seconds=1)
    retries = tasks_v2.RetryConfig(max_attempts=4, min_backoff=10 * seconds, max_backoff=300 * seconds, max_doublings=1)
    make_queue(tasks, retry_config=retries)
    return tasks


def task(target: HttpTarget, name: str = "", **fields: Any) -> tasks_v2.Task:
    request = tasks_v2.HttpRequest(url=target.url, **fields.pop("request", {}))
    return tasks_v2.Task(name=name and f"{QUEUE}/tasks/{name}", http_request=request, **fields)


def arrived(target: HttpTarget, count: int) -> Received:
    eventually(lambda: len(target.received) >= count)
    assert len(target.received) == count
    return target.received[-1]


def is_gone(client: Client, name: str) -> bool:
    try:
        client.get_task(name=name)
    except NotFound:
        return True
    return False


def await_attempt(client: Client, name: str, count: int) -> None:
    """Wait until a task that still exists has failed so many times."""

    def has_failed() -> bool:
        found = client.get_task(name=name)
        return bool(found.last_attempt.response_status.code) and found.dispatch_count == count

    eventually(has_failed)


def await_waiting(client: Client, count: int) -> None:
    eventually(lambda: len(list(client.list_tasks(parent=QUEUE))) == count)


def test_a_task_arrives_as_it_was_made(queue: Client, target: HttpTarget) -> None:
    request = {"body": b'{"a":1}', "headers": {"Content-Type": "application/json", "X-Trace": "t"}}
    created = queue.create_task(parent=QUEUE, task=task(target, "one", request=request))
    received = arrived(target, 1)
    assert (received.method, received.path, received.body) == ("POST", "/work", b'{"a":1}')
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["X-Trace"] == "t"
    assert received.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert received.headers["X-CloudTasks-QueueName"] == "mail"
    assert received.headers["X-CloudTasks-TaskName"] == "one"
    assert received.headers["X-CloudTasks-TaskRetryCount"] == "0"
    assert received.headers["X-CloudTasks-TaskExecutionCount"] == "0"
    assert abs(float(received.headers["X-CloudTasks-TaskETA"]) - clock.timestamp()) < 5
    assert "X-CloudTasks-TaskPreviousResponse" not in received.headers
    eventually(lambda: is_gone(queue, created.name))


def test_headers_that_belong_to_the_service_cannot_be_set(queue: Client, target: HttpTarget) -> None:
    headers = {"X-CloudTasks-TaskName": "forged", "User-Agent": "forged", "X-Google-Thing": "forged"}
    queue.create_task(parent=QUEUE, task=task(target, request={"headers": headers}))
    received = arrived(target, 1)
    assert "forged" not in received.headers.values()
    assert "Content-Type" not in received.headers


def test_the_method_is_the_one_asked_for(queue: Client, target: HttpTarget) -> None:
    queue.create_task(parent=QUEUE, task=task(target, request={"http_method": Verb.GET}))
    assert arrived(target, 1).method == "GET"


def test_the_identity_token_is_for_the_url_unless_an_audience_is_named(
    queue: Client, target: HttpTarget, cloud: GoogleCloud
) -> None:
    key = jwt.PyJWKSet.from_dict(cloud.tokens.jwks()).keys[0]
    for count, audience in enumerate((None, "https://mail.example"), start=1):
        token = tasks_v2.OidcToken(service_account_email=INVOKER, audience=audience)
        forged = {"authorization": "Bearer forged"}
        made = task(target, request={"oidc_token": token, "headers": forged})
        queue.create_task(parent=QUEUE, task=made)
        received = arrived(target, count)
        assert len(received.headers.getall("Authorization")) == 1
        bearer = received.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(bearer, key, algorithms=["RS256"], audience=audience or target.url)
        assert claims["email"] == INVOKER
        assert claims["email_verified"]
        assert claims["iss"] == "https://accounts.google.com"


def test_a_task_waits_for_its_schedule_time_and_follows_the_clock(
    queue: Client, target: HttpTarget, move_clock: Move
) -> None:
    later = clock.now() + timedelta(hours=1)
    created = queue.create_task(parent=QUEUE, task=task(target, "later", schedule_time=later))
    queue.create_task(parent=QUEUE, task=task(target, "now"))
    assert arrived(target, 1).headers["X-CloudTasks-TaskName"] == "now"
    assert created.schedule_time == later
    move_clock(timedelta(hours=1))
    assert arrived(target, 2).headers["X-CloudTasks-TaskName"] == "later"


@pytest.mark.parametrize("status", [500, 503, 404, 302])
def test_what_is_not_2xx_is_tried_again(queue: Client, target: HttpTarget, move_clock: Move, status: int) -> None:
    target.statuses = [status]
    created = queue.create_task(parent=QUEUE, task=task(target, "one"))
    arrived(target, 1)
    await_attempt(queue, created.name, 1)
    move_clock(timedelta(seconds=10))
    headers = arrived(target, 2).headers
    assert headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert headers["X-CloudTasks-TaskExecutionCount"] == ("0" if status >= 500 else "1")
    assert headers["X-CloudTasks-TaskPreviousResponse"] == str(status)
    assert str(status) in headers["X-CloudTasks-TaskRetryReason"]
    eventually(lambda: is_gone(queue, created.name))


def test_retries_back_off_as_configured_and_end_with_the_last_attempt(
    queue: Client, target: HttpTarget, move_clock: Move
) -> None:
    target.statuses = [500] * 4
    created = queue.create_task(parent=QUEUE, task=task(target, "one"))
    for attempt, interval in enumerate((10, 20, 40), start=1):
        arrived(target, attempt)
        await_attempt(queue, created.name, attempt)
        found = queue.get_task(name=created.name)
        wait = found.schedule_time - found.last_attempt.response_time
        assert wait == timedelta(seconds=interval)
        move_clock(timedelta(seconds=interval))
    arrived(target, 4)
    eventually(lambda: is_gone(queue, created.name))
    move_clock(timedelta(hours=1))
    assert len(target.received) == 4


def test_a_worker_that_asks_for_more_time_gets_it(queue: Client, target: HttpTarget, move_clock: Move) -> None:
    target.statuses, target.answer_headers = [503], {"Retry-After": "120"}
    created = queue.create_task(parent=QUEUE, task=task(target, "one"))
    await_attempt(queue, created.name, 1)
    found = queue.get_task(name=created.name)
    assert found.schedule_time - found.last_attempt.response_time == timedelta(seconds=120)


def test_with_a_duration_both_limits_must_be_reached(tasks: Client, target: HttpTarget, move_clock: Move) -> None:
    minute = timedelta(minutes=1)
    retries = tasks_v2.RetryConfig(
        max_attempts=1, max_retry_duration=3 * minute, min_backoff=minute, max_backoff=minute
    )
    make_queue(tasks, retry_config=retries)
    target.statuses = [500] * 9
    created = tasks.create_task(parent=QUEUE, task=task(target, "one"))
    for attempt in (1, 2, 3):
        arrived(target, attempt)
        await_attempt(tasks, created.name, attempt)
        move_clock(minute)
    arrived(target, 4)
    eventually(lambda: is_gone(tasks, created.name))


def test_a_worker_that_is_too_slow_is_cut_off_by_the_clock(queue: Client, target: HttpTarget, move_clock: Move) -> None:
    target.hanging = True
    created = queue.create_task(parent=QUEUE, task=task(target, "one"))
    assert created.dispatch_deadline == timedelta(minutes=10)
    arrived(target, 1)
    move_clock(timedelta(minutes=10))
    await_attempt(queue, created.name, 1)
    last = queue.get_task(name=created.name).last_attempt
    assert last.response_status.code == 4
    assert "response_time" not in last
    target.hanging = False
    move_clock(timedelta(seconds=10))
    headers = arrived(target, 2).headers
    assert "X-CloudTasks-TaskPreviousResponse" not in headers
    assert headers["X-CloudTasks-TaskRetryCount"] == "1"


def test_a_worker_that_is_not_there_is_tried_again(queue: Client, target: HttpTarget) -> None:
    request = tasks_v2.HttpRequest(url="http://127.0.0.1:1/")
    lost = tasks_v2.Task(name=f"{QUEUE}/tasks/lost", http_request=request)
    queue.create_task(parent=QUEUE, task=lost)
    await_attempt(queue, lost.name, 1)
    assert queue.get_task(name=lost.name).last_attempt.response_status.code == 14


def test_the_name_of_a_waiting_task_is_refused(queue: Client, target: HttpTarget) -> None:
    later = clock.now() + timedelta(hours=1)
    queue.create_task(parent=QUEUE, task=task(target, "one", schedule_time=later))
    with pytest.raises(AlreadyExists):
        queue.create_task(parent=QUEUE, task=task(target, "one"))
    assert target.received == []


@pytest.mark.parametrize("ending", ["executed", "deleted"])
def test_a_reused_task_name_is_refused_for_an_hour(
    queue: Client, target: HttpTarget, move_clock: Move, ending: str
) -> None:
    due = clock.now() + (timedelta() if ending == "executed" else timedelta(hours=1))
    created = queue.create_task(parent=QUEUE, task=task(target, "one", schedule_time=due))
    if ending == "deleted":
        queue.delete_task(name=created.name)
    eventually(lambda: is_gone(queue, created.name))
    move_clock(timedelta(minutes=59))
    with pytest.raises(AlreadyExists, match="too recently"):
        queue.create_task(parent=QUEUE, task=task(target, "one"))
    move_clock(timedelta(minutes=2))
    queue.create_task(parent=QUEUE, task=task(target, "one"))


def test_tasks_without_a_name_are_all_different(queue: Client, target: HttpTarget) -> None:
    names = {queue.create_task(parent=QUEUE, task=task(target)).name for _ in range(5)}
    assert len(names) == 5
    arrived(target, 5)


def invalid_tasks(target: HttpTarget) -> Iterable[tasks_v2.Task]:
    yield task(target, schedule_time=clock.now() + timedelta(days=30, minutes=1))
    yield task(target, dispatch_deadline=timedelta(seconds=14))
    yield task(target, dispatch_deadline=timedelta(minutes=31))
    yield task(target, request={"body": b"x" * 1024 * 1024})
    yield task(target, request={"body": b"x", "http_method": Verb.GET})
    yield task(target, request={"headers": {"X-Long": "x" * 81_920}})
    yield task(target, request={"oidc_token": tasks_v2.OidcToken(audience="https://x.example")})
    yield task(target, "not a name")
    yield tasks_v2.Task(http_request=tasks_v2.HttpRequest(url="ftp://x.example"))
    yield tasks_v2.Task(http_request=tasks_v2.HttpRequest(url="https://x.example/" + "x" * 2083))
    yield tasks_v2.Task(app_engine_http_request=tasks_v2.AppEngineHttpRequest())
    yield tasks_v2.Task()


def test_invalid_tasks_are_refused_and_not_kept(queue: Client, target: HttpTarget) -> None:
    for invalid in invalid_tasks(target):
        with pytest.raises(InvalidArgument):
            queue.create_task(parent=QUEUE, task=invalid)
    assert list(queue.list_tasks(parent=QUEUE)) == []


def test_a_task_may_be_scheduled_thirty_days_ahead(queue: Client, target: HttpTarget) -> None:
    ahead = clock.now() + timedelta(days=30) - timedelta(minutes=1)
    queue.create_task(parent=QUEUE, task=task(target, schedule_time=ahead))


def test_the_rate_lets_a_burst_through_and_then_one_by_one(tasks: Client, target: HttpTarget, move_clock: Move) -> None:
    limits = make_queue(tasks, tasks_v2.RateLimits(max_dispatches_per_second=0.01)).rate_limits
    assert limits.max_burst_size == 1
    for name in ("a", "b", "c"):
        tasks.create_task(parent=QUEUE, task=task(target, name))
    for expected in (1, 2, 3):
        arrived(target, expected)
        await_waiting(tasks, 3 - expected)
        move_clock(timedelta(seconds=100))


def test_no_more_than_the_allowed_number_run_at_once(tasks: Client, target: HttpTarget) -> None:
    make_queue(tasks, tasks_v2.RateLimits(max_concurrent_dispatches=2))
    target.hanging = True
    for name in ("a", "b", "c"):
        tasks.create_task(parent=QUEUE, task=task(target, name))
    arrived(target, 2)
    dispatched = [found.dispatch_count for found in tasks.list_tasks(parent=QUEUE)]
    assert sorted(dispatched) == [0, 1, 1]


def test_the_rest_runs_when_there_is_room(
    tasks: Client, target: HttpTarget, cloud: GoogleCloud, move_clock: Move
) -> None:
    make_queue(tasks, tasks_v2.RateLimits(max_concurrent_dispatches=1))
    for name in ("a", "b", "c"):
        tasks.create_task(parent=QUEUE, task=task(target, name))
    arrived(target, 3)


def test_a_paused_queue_takes_tasks_and_dispatches_them_when_it_resumes(queue: Client, target: HttpTarget) -> None:
    assert queue.pause_queue(name=QUEUE).state == State.PAUSED
    queue.create_task(parent=QUEUE, task=task(target, "one"))
    assert queue.get_queue(name=QUEUE).state == State.PAUSED
    assert queue.get_task(name=f"{QUEUE}/tasks/one").dispatch_count == 0
    assert queue.resume_queue(name=QUEUE).state == State.RUNNING
    arrived(target, 1)


def test_a_task_can_be_forced_to_run_whatever_the_state_of_its_queue(queue: Client, target: HttpTarget) -> None:
    queue.pause_queue(name=QUEUE)
    later = clock.now() + timedelta(hours=1)
    created = queue.create_task(parent=QUEUE, task=task(target, "one", schedule_time=later))
    queue.run_task(name=created.name)
    arrived(target, 1)
    eventually(lambda: is_gone(queue, created.name))
    with pytest.raises(NotFound, match="existed recently"):
        queue.run_task(name=created.name)


def test_a_purge_deletes_what_waits(queue: Client, target: HttpTarget, move_clock: Move) -> None:
    later = clock.now() + timedelta(hours=1)
    queue.create_task(parent=QUEUE, task=task(target, "one", schedule_time=later))
    assert "purge_time" in queue.purge_queue(name=QUEUE)
    assert list(queue.list_tasks(parent=QUEUE)) == []


def test_a_body_is_shown_only_in_the_full_view(queue: Client, target: HttpTarget) -> None:
    queue.pause_queue(name=QUEUE)
    made = task(target, "one", request={"body": b"private"})
    assert queue.create_task(parent=QUEUE, task=made).http_request.body == b""
    name = f"{QUEUE}/tasks/one"
    assert queue.get_task(name=name).http_request.body == b""
    full = queue.get_task(request={"name": name, "response_view": View.FULL})
    assert full.http_request.body == b"private"
    assert [found.name for found in queue.list_tasks(parent=QUEUE)] == [name]


def test_a_queue_has_the_documented_defaults(tasks: Client) -> None:
    made = make_queue(tasks)
    assert made.rate_limits.max_dispatches_per_second == 500
    assert made.rate_limits.max_concurrent_dispatches == 1000
    assert made.retry_config.max_attempts == 100
    assert made.retry_config.max_doublings == 16
    assert made.retry_config.min_backoff == timedelta(milliseconds=100)
    assert made.retry_config.max_backoff == timedelta(hours=1)


def test_a_queue_is_updated_field_by_field(queue: Client) -> None:
    changed = tasks_v2.Queue(name=QUEUE, retry_config=tasks_v2.RetryConfig(max_attempts=7))
    updated = queue.update_queue(queue=changed, update_mask=FieldMask(paths=["retry_config.max_attempts"]))
    assert updated.retry_config.max_attempts == 7
    assert updated.retry_config.min_backoff == timedelta(seconds=10)
    for path in ("state", "retry_config.no_such_field"):
        with pytest.raises(InvalidArgument):
            queue.update_queue(queue=changed, update_mask=FieldMask(paths=[path]))


@pytest.mark.parametrize(
    "limits",
    [
        tasks_v2.RateLimits(max_dispatches_per_second=501),
        tasks_v2.RateLimits(max_concurrent_dispatches=5001),
        tasks_v2.RateLimits(max_dispatches_per_second=-1),
    ],
)
def test_rates_beyond_the_limits_are_refused(tasks: Client, limits: tasks_v2.RateLimits) -> None:
    with pytest.raises(InvalidArgument):
        make_queue(tasks, limits)


def test_queues_that_exist_or_do_not_are_told_apart(queue: Client, target: HttpTarget) -> None:
    with pytest.raises(AlreadyExists):
        make_queue(queue)
    with pytest.raises(NotFound):
        queue.get_queue(name=f"{PARENT}/queues/none")
    with pytest.raises(FailedPrecondition, match="Queue does not exist"):
        queue.create_task(parent=f"{PARENT}/queues/none", task=task(target))
    with pytest.raises(NotFound):
        queue.get_task(name=f"{QUEUE}/tasks/none")
    assert [found.name for found in queue.list_queues(parent=PARENT)] == [QUEUE]


def test_the_name_of_a_deleted_queue_is_refused_for_three_days(
    queue: Client, target: HttpTarget, move_clock: Move
) -> None:
    queue.delete_queue(name=QUEUE)
    with pytest.raises(FailedPrecondition):
        make_queue(queue)
    move_clock(timedelta(days=3, seconds=1))
    make_queue(queue)
