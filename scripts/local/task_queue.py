"""One Cloud Tasks queue: which task is dispatched when, and what becomes of it.

Rates, concurrency and retries: https://cloud.google.com/tasks/docs/configuring-queues
Attempts and their headers: https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
"""

import asyncio
import heapq
import itertools
import math
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from google.cloud.tasks_v2 import Attempt, HttpMethod, Queue, RetryConfig, Task
from google.protobuf.timestamp_pb2 import Timestamp

from scripts.local import clock
from scripts.local.http_delivery import Delivery, Outcome, deliver, make_session, own_headers
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.retries import RetryPolicy

# The vendor's enumerations are untyped: to mypy their members are plain integers.
State: Any = Queue.State
Verb: Any = HttpMethod
# https://cloud.google.com/tasks/docs/quotas
RETENTION = timedelta(days=31)


@dataclass
class StoredTask:
    """A task that waits or is being dispatched."""

    description: Task
    due: datetime
    # Responses that were failures other than 5xx: what X-CloudTasks-TaskExecutionCount counts.
    execution_count: int = 0
    previous: Outcome | None = None
    running: int = 0

    @property
    def short_name(self) -> str:
        return str(self.description.name.rpartition("/")[2])


@dataclass
class TokenBucket:
    """How many dispatches are allowed now: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RateLimits"""

    rate: float
    size: int
    tokens: float = 0.0
    filled: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        self.tokens = float(self.size)

    def take(self) -> bool:
        """Use up a token if there is one."""
        now = clock.now()
        self.tokens = min(self.size, self.tokens + self.rate * (now - self.filled).total_seconds())
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def next_token(self) -> datetime:
        """When there will be a token."""
        return self.filled + timedelta(seconds=max(0.0, 1 - self.tokens) / self.rate)


def policy_of(config: RetryConfig) -> RetryPolicy:
    """The retry policy that a complete configuration describes."""
    return RetryPolicy(
        max_attempts=config.max_attempts if config.max_attempts > 0 else None,
        max_duration=config.max_retry_duration or timedelta(),
        min_backoff=config.min_backoff,
        max_backoff=config.max_backoff,
        max_doublings=config.max_doublings,
    )


class TaskQueue:
    """Holds a queue's tasks and dispatches them, on the event loop that serves Cloud Tasks."""

    def __init__(self, description: Queue, tokens: IdentityTokens, name_reuse_after: timedelta) -> None:
        self.description = description
        self.tasks: dict[str, StoredTask] = {}
        self._tokens = tokens
        self._name_reuse_after = name_reuse_after
        self._tombstones: dict[str, datetime] = {}
        self._due: list[tuple[datetime, int, str]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._bucket = self._make_bucket()
        self._session = make_session()
        self._attempts: set[asyncio.Task[None]] = set()
        self._dispatcher = asyncio.create_task(self._dispatch_forever())

    def configure(self, description: Queue) -> None:
        """Take up new settings at once."""
        limits, former = description.rate_limits, self.description.rate_limits
        self.description = description
        if limits.max_dispatches_per_second != former.max_dispatches_per_second:
            self._bucket = self._make_bucket()
        self._changed.set()

    def is_name_taken(self, name: str) -> bool:
        """Whether a task of this name exists, or did so recently."""
        return name in self.tasks or self._tombstones.get(name, clock.now()) > clock.now()

    def add(self, task: Task) -> StoredTask:
        """Hold a task until its schedule time."""
        stored = StoredTask(task, task.schedule_time)
        self.tasks[task.name] = stored
        self._schedule(stored, task.schedule_time)
        return stored

    def remove(self, name: str) -> None:
        """Forget a task; its name stays taken for a while.

        The de-duplication window: https://cloud.google.com/tasks/docs/quotas
        """
        if self.tasks.pop(name, None) is not None:
            now = clock.now()
            self._tombstones = {known: until for known, until in self._tombstones.items() if until > now}
            self._tombstones[name] = now + self._name_reuse_after

    def purge(self) -> None:
        """Forget every task: https://cloud.google.com/tasks/docs/deleting-appengine-tasks-and-queues"""
        for name in list(self.tasks):
            self.remove(name)

    def run_now(self, stored: StoredTask) -> None:
        """Dispatch whatever the rate, the concurrency and the queue's state."""
        self._start_attempt(stored)

    async def close(self) -> None:
        """Stop dispatching; attempts under way are abandoned."""
        ending = [self._dispatcher, *self._attempts]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._session.close()

    def _make_bucket(self) -> TokenBucket:
        limits = self.description.rate_limits
        return TokenBucket(limits.max_dispatches_per_second, max(1, math.ceil(limits.max_burst_size)))

    def _schedule(self, stored: StoredTask, due: datetime) -> None:
        stored.due = due
        stored.description.schedule_time = due
        heapq.heappush(self._due, (due, next(self._order), stored.description.name))
        self._changed.set()

    async def _dispatch_forever(self) -> None:
        while True:
            self._changed.clear()
            until = self._dispatch_due()
            await clock.wait(self._changed, until)

    def _dispatch_due(self) -> datetime | None:
        """Dispatch what may be dispatched; answer when to look again, if only time is wanting."""
        while True:
            stored = self._first()
            if stored is None or self.description.state != State.RUNNING:
                return None
            if stored.due > clock.now():
                return stored.due
            if len(self._attempts) >= self.description.rate_limits.max_concurrent_dispatches:
                return None
            if not self._bucket.take():
                return self._bucket.next_token()
            heapq.heappop(self._due)
            self._start_attempt(stored)

    def _first(self) -> StoredTask | None:
        """The task that is due first. Entries of tasks that were removed, rescheduled or started are dropped."""
        while self._due:
            due, _, name = self._due[0]
            stored = self.tasks.get(name)
            if stored is not None and stored.due == due and not stored.running:
                return stored
            heapq.heappop(self._due)
        return None

    def _start_attempt(self, stored: StoredTask) -> None:
        now = clock.now()
        task = stored.description
        task.dispatch_count += 1
        attempt = Attempt(schedule_time=stored.due, dispatch_time=now)
        if task.dispatch_count == 1:
            task.first_attempt = Attempt(dispatch_time=now)
        task.last_attempt = attempt
        stored.running += 1
        self._spawn(self._attempt(stored, self._delivery(stored, now), now))

    def _spawn(self, attempt: Coroutine[Any, Any, None]) -> None:
        running = asyncio.create_task(attempt)
        self._attempts.add(running)
        running.add_done_callback(self._attempts.discard)
        running.add_done_callback(lambda _: self._changed.set())

    async def _attempt(self, stored: StoredTask, delivery: Delivery, started: datetime) -> None:
        outcome = await deliver(self._session, delivery)
        stored.running -= 1
        if self.tasks.get(stored.description.name) is stored:
            self._settle(stored, outcome, started)

    def _settle(self, stored: StoredTask, outcome: Outcome, started: datetime) -> None:
        """Delete a task that succeeded or is exhausted; schedule the next attempt of any other."""
        task = stored.description
        now = clock.now()
        if outcome.http_status is not None:
            task.response_count += 1
            if outcome.http_status < 500:
                stored.execution_count += 1
            task.last_attempt.response_time = now
        task.last_attempt.response_status = outcome.status
        stored.previous = outcome
        policy = policy_of(task.retry_config if "retry_config" in task else self.description.retry_config)
        is_exhausted = policy.is_exhausted(task.dispatch_count, now - task.first_attempt.dispatch_time)
        if outcome.succeeded or is_exhausted or now - task.create_time >= RETENTION:
            self.remove(task.name)
            return
        wait = max(policy.interval(task.dispatch_count), timedelta(seconds=outcome.retry_after))
        self._schedule(stored, now + wait)

    def _delivery(self, stored: StoredTask, now: datetime) -> Delivery:
        request = stored.description.http_request
        id_token = None
        if "oidc_token" in request:
            identity = request.oidc_token
            id_token = self._tokens.mint(identity.service_account_email, identity.audience or request.url)
        headers = own_headers(request.headers, id_token)
        return Delivery(
            method=Verb(request.http_method).name,
            url=request.url,
            headers={**headers, **self._task_headers(stored)},
            body=request.body,
            deadline=now + stored.description.dispatch_deadline,
        )

    def _task_headers(self, stored: StoredTask) -> dict[str, str]:
        eta = Timestamp()
        eta.FromDatetime(stored.due)
        headers = {
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": self.description.name.rpartition("/")[2],
            "X-CloudTasks-TaskName": stored.short_name,
            "X-CloudTasks-TaskRetryCount": str(stored.description.dispatch_count - 1),
            "X-CloudTasks-TaskExecutionCount": str(stored.execution_count),
            "X-CloudTasks-TaskETA": f"{eta.seconds}.{eta.nanos // 1000:06d}",
        }
        previous = stored.previous
        if previous is not None:
            headers["X-CloudTasks-TaskRetryReason"] = previous.message
            if previous.http_status is not None:
                headers["X-CloudTasks-TaskPreviousResponse"] = str(previous.http_status)
        return headers
