"""Cloud Tasks over gRPC, in memory: queues that dispatch HTTP tasks.

Imitates https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2
Limits: https://cloud.google.com/tasks/docs/quotas
Not imitated: App Engine tasks, queue-level HTTP targets, OAuth tokens, IAM (actAs and enqueuer), batches, buffered
tasks, list filters, the slow ramp of a new queue and the throttling that follows many errors. What is missing answers
UNIMPLEMENTED. Fails on command by the fault service name `tasks`.
"""

import asyncio
import math
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.cloud import tasks_v2 as api
from google.cloud.tasks_v2 import Queue, RateLimits, RetryConfig, Task
from google.protobuf.empty_pb2 import Empty

from scripts.local import clock
from scripts.local.faults import Faults
from scripts.local.grpc_endpoint import (
    GrpcEndpoint,
    Method,
    Refused,
    Service,
    refuse_argument,
    refuse_duplicate,
    refuse_state,
    serve_service,
)
from scripts.local.http_delivery import check_request
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.pages import page
from scripts.local.task_queue import State, StoredTask, TaskQueue, Verb

View: Any = Task.View
LOCATION = r"projects/[A-Za-z0-9:.-]+/locations/[a-z0-9-]+"
QUEUE = LOCATION + r"/queues/[A-Za-z0-9-]{1,100}"
TASK = QUEUE + r"/tasks/[A-Za-z0-9_-]{1,500}"
# https://cloud.google.com/tasks/docs/quotas
TASK_SIZE_LIMIT = 1024 * 1024
SCHEDULE_LIMIT = timedelta(days=30)
QUEUE_NAME_REUSE_AFTER = timedelta(days=3)
RATE_LIMIT = 500
CONCURRENCY_LIMIT = 5000
PAGE_LIMIT = 1000
# https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks (dispatchDeadline)
DEADLINE_DEFAULT = timedelta(minutes=10)
DEADLINE_MINIMUM = timedelta(seconds=15)
DEADLINE_MAXIMUM = timedelta(minutes=30)
MUTABLE_QUEUE_FIELDS = ("rate_limits", "retry_config")


@dataclass(frozen=True)
class TasksConfig:
    """Who signs the tokens of tasks, where to listen and which faults to obey.

    A task's name is free again `name_reuse_after` it was executed or deleted. The quotas page has long said about one
    hour; the reference of CreateTask now says that it can take up to 24 hours.
    """

    tokens: IdentityTokens
    faults: Faults = field(default_factory=Faults)
    port: int = 0
    name_reuse_after: timedelta = timedelta(hours=1)


def _complete_rates(limits: RateLimits) -> RateLimits:
    """Defaults: https://cloud.google.com/tasks/docs/configuring-queues. The burst is at least the rate."""
    rate = limits.max_dispatches_per_second or 500.0
    concurrent = limits.max_concurrent_dispatches or 1000
    if not 0 < rate <= RATE_LIMIT:
        refuse_argument("max_dispatches_per_second must be positive and at most 500.")
    if not 0 < concurrent <= CONCURRENCY_LIMIT:
        refuse_argument("max_concurrent_dispatches must be positive and at most 5,000.")
    return RateLimits(
        max_dispatches_per_second=rate,
        max_burst_size=max(1, math.ceil(rate)),
        max_concurrent_dispatches=concurrent,
    )


def _complete_retries(config: RetryConfig) -> RetryConfig:
    """Defaults: https://cloud.google.com/tasks/docs/configuring-queues"""
    complete = RetryConfig(config)
    complete.max_attempts = complete.max_attempts or 100
    complete.max_doublings = complete.max_doublings or 16
    if "min_backoff" not in complete:
        complete.min_backoff = timedelta(milliseconds=100)
    if "max_backoff" not in complete:
        complete.max_backoff = max(timedelta(hours=1), complete.min_backoff)
    if complete.max_attempts < -1 or complete.max_doublings < 0:
        refuse_argument("max_attempts must be at least -1 and max_doublings not negative.")
    if not timedelta() <= complete.min_backoff <= complete.max_backoff:
        refuse_argument("min_backoff must not be negative nor greater than max_backoff.")
    return complete


class Tasks:
    """The state of Cloud Tasks and its answers; makes and uses queues on the running event loop."""

    def __init__(self, tokens: IdentityTokens, name_reuse_after: timedelta) -> None:
        self._tokens = tokens
        self._name_reuse_after = name_reuse_after
        self._queues: dict[str, TaskQueue] = {}
        self._deleted: dict[str, datetime] = {}

    async def close(self) -> None:
        """Stop dispatching."""
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))

    async def create_queue(self, request: api.CreateQueueRequest) -> Queue:
        """A deleted queue's name cannot be used again for days:
        https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues/delete
        """
        name = request.queue.name
        if not re.fullmatch(QUEUE, name) or not name.startswith(f"{request.parent}/queues/"):
            refuse_argument("The queue's name is not valid or not under the parent.")
        if name in self._queues:
            refuse_duplicate(f"Queue {name}")
        if self._deleted.get(name, clock.now()) > clock.now():
            refuse_state("The queue cannot be created because a queue with this name existed too recently.")
        return self._put(request.queue)

    async def get_queue(self, request: api.GetQueueRequest) -> Queue:
        return self._queue(request.name).description

    async def list_queues(self, request: api.ListQueuesRequest) -> api.ListQueuesResponse:
        names = sorted(name for name in self._queues if name.startswith(f"{request.parent}/"))
        some, following = page(names, request.page_size, request.page_token, PAGE_LIMIT)
        queues = [self._queues[name].description for name in some]
        return api.ListQueuesResponse(queues=queues, next_page_token=following)

    async def update_queue(self, request: api.UpdateQueueRequest) -> Queue:
        """Creates the queue if it does not exist; without a mask, replaces all that can be set."""
        name = request.queue.name
        if name not in self._queues:
            parent = name.partition("/queues/")[0]
            return await self.create_queue(api.CreateQueueRequest(parent=parent, queue=request.queue))
        paths = list(request.update_mask.paths) or list(MUTABLE_QUEUE_FIELDS)
        if any(path.partition(".")[0] not in MUTABLE_QUEUE_FIELDS for path in paths):
            refuse_argument(f"Only {' and '.join(MUTABLE_QUEUE_FIELDS)} can be updated.")
        changed = Queue(self._queues[name].description)
        for path in paths:
            self._copy(request.queue, changed, path)
        return self._put(changed)

    async def delete_queue(self, request: api.DeleteQueueRequest) -> Empty:
        queue = self._queue(request.name)
        del self._queues[request.name]
        self._deleted[request.name] = clock.now() + QUEUE_NAME_REUSE_AFTER
        await queue.close()
        return Empty()

    async def purge_queue(self, request: api.PurgeQueueRequest) -> Queue:
        queue = self._queue(request.name)
        queue.purge()
        queue.description.purge_time = clock.now()
        return queue.description

    async def pause_queue(self, request: api.PauseQueueRequest) -> Queue:
        return self._set_state(request.name, State.PAUSED)

    async def resume_queue(self, request: api.ResumeQueueRequest) -> Queue:
        return self._set_state(request.name, State.RUNNING)

    async def create_task(self, request: api.CreateTaskRequest) -> Task:
        """https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create

        A queue that does not exist is FAILED_PRECONDITION here and NOT_FOUND elsewhere:
        https://github.com/GoogleCloudPlatform/python-docs-samples/issues/4034
        """
        queue = self._queues.get(request.parent)
        if queue is None:
            refuse_state("Queue does not exist. If you just created the queue, wait at least a minute.")
        task = self._complete_task(request)
        if task.name in queue.tasks:
            refuse_duplicate("Requested entity")
        if queue.is_name_taken(task.name):
            message = "The task cannot be created because a task with this name existed too recently."
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, message)
        return self._shown(queue.add(task), request.response_view)

    async def get_task(self, request: api.GetTaskRequest) -> Task:
        return self._shown(self._task(request.name)[1], request.response_view)

    async def list_tasks(self, request: api.ListTasksRequest) -> api.ListTasksResponse:
        tasks = list(self._queue(request.parent).tasks.values())
        some, following = page(tasks, request.page_size, request.page_token, PAGE_LIMIT)
        shown = [self._shown(stored, request.response_view) for stored in some]
        return api.ListTasksResponse(tasks=shown, next_page_token=following)

    async def delete_task(self, request: api.DeleteTaskRequest) -> Empty:
        queue, stored = self._task(request.name)
        queue.remove(stored.description.name)
        return Empty()

    async def run_task(self, request: api.RunTaskRequest) -> Task:
        """Dispatches at once, whatever the limits and the queue's state; answers without waiting for the worker."""
        queue, stored = self._task(request.name)
        queue.run_now(stored)
        return self._shown(stored, request.response_view)

    def _put(self, wanted: Queue) -> Queue:
        if "http_target" in wanted or "app_engine_routing_override" in wanted:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, "Queue-level targets are not emulated.")
        description = Queue(
            name=wanted.name,
            rate_limits=_complete_rates(wanted.rate_limits),
            retry_config=_complete_retries(wanted.retry_config),
            state=State.RUNNING,
        )
        existing = self._queues.get(wanted.name)
        if existing is None:
            self._queues[wanted.name] = TaskQueue(description, self._tokens, self._name_reuse_after)
        else:
            description.state = existing.description.state
            description.purge_time = existing.description.purge_time
            existing.configure(description)
        return description

    def _copy(self, source: Any, target: Any, path: str) -> None:
        first, _, rest = path.partition(".")
        if rest:
            self._copy(getattr(source, first), getattr(target, first), rest)
        elif first in type(source).meta.fields:
            setattr(target, first, getattr(source, first))
        else:
            refuse_argument(f"update_mask names the unknown field {first}.")

    def _set_state(self, name: str, state: Any) -> Queue:
        queue = self._queue(name)
        changed = Queue(queue.description)
        changed.state = state
        queue.configure(changed)
        return changed

    def _complete_task(self, request: api.CreateTaskRequest) -> Task:
        now = clock.now()
        task = Task(request.task)
        task.name = task.name or f"{request.parent}/tasks/{uuid.uuid4().int >> 65}"
        if not re.fullmatch(TASK, task.name) or not task.name.startswith(f"{request.parent}/tasks/"):
            refuse_argument("The task's name is not valid or not under the parent.")
        self._check_target(task)
        if Task.pb(request.task).ByteSize() > TASK_SIZE_LIMIT:
            refuse_argument("The task is larger than 1 MB.")
        if "schedule_time" not in task or task.schedule_time < now:
            task.schedule_time = now
        if task.schedule_time > now + SCHEDULE_LIMIT:
            refuse_argument("schedule_time must not be more than 30 days in the future.")
        if "dispatch_deadline" not in task:
            task.dispatch_deadline = DEADLINE_DEFAULT
        if not DEADLINE_MINIMUM <= task.dispatch_deadline <= DEADLINE_MAXIMUM:
            refuse_argument("dispatch_deadline must be between 15 seconds and 30 minutes.")
        if "retry_config" in task:
            task.retry_config = _complete_retries(task.retry_config)
        task.create_time = now.replace(microsecond=0)
        return task

    def _check_target(self, task: Task) -> None:
        if "http_request" not in task:
            refuse_argument("Task.message_type must be http_request; App Engine tasks are not emulated.")
        target = task.http_request
        target.http_method = target.http_method or Verb.POST
        check_request(Verb(target.http_method).name, target.url, target.headers, target.body)
        if "oauth_token" in target:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, "OAuth tokens are not emulated.")
        if "oidc_token" in target and not target.oidc_token.service_account_email:
            refuse_argument("oidc_token.service_account_email must be set.")

    def _shown(self, stored: StoredTask, view: Any) -> Task:
        """A copy. The basic view, which is the default, leaves out the body."""
        shown = Task(stored.description)
        shown.view = view or View.BASIC
        if shown.view == View.BASIC:
            shown.http_request.body = b""
        return shown

    def _queue(self, name: str) -> TaskQueue:
        if name not in self._queues:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Queue {name} does not exist.")
        return self._queues[name]

    def _task(self, name: str) -> tuple[TaskQueue, StoredTask]:
        queue = self._queue(name.partition("/tasks/")[0])
        if name in queue.tasks:
            return queue, queue.tasks[name]
        message = "The task does not exist."
        if queue.is_name_taken(name):
            message = "The task no longer exists, though a task with this name existed recently."
        raise Refused(grpc.StatusCode.NOT_FOUND, message)

    def service(self) -> Service:
        """What goes on the wire."""
        methods = {
            "CreateQueue": Method(api.CreateQueueRequest, Queue, self.create_queue),
            "GetQueue": Method(api.GetQueueRequest, Queue, self.get_queue),
            "ListQueues": Method(api.ListQueuesRequest, api.ListQueuesResponse, self.list_queues),
            "UpdateQueue": Method(api.UpdateQueueRequest, Queue, self.update_queue),
            "DeleteQueue": Method(api.DeleteQueueRequest, Empty, self.delete_queue),
            "PurgeQueue": Method(api.PurgeQueueRequest, Queue, self.purge_queue),
            "PauseQueue": Method(api.PauseQueueRequest, Queue, self.pause_queue),
            "ResumeQueue": Method(api.ResumeQueueRequest, Queue, self.resume_queue),
            "CreateTask": Method(api.CreateTaskRequest, Task, self.create_task),
            "GetTask": Method(api.GetTaskRequest, Task, self.get_task),
            "ListTasks": Method(api.ListTasksRequest, api.ListTasksResponse, self.list_tasks),
            "DeleteTask": Method(api.DeleteTaskRequest, Empty, self.delete_task),
            "RunTask": Method(api.RunTaskRequest, Task, self.run_task),
        }
        return Service("google.cloud.tasks.v2.CloudTasks", "tasks", methods)


async def serve(config: TasksConfig, tasks: Tasks | None = None) -> GrpcEndpoint:
    """Serve Cloud Tasks on 127.0.0.1; dispatching ends when the endpoint is closed."""
    answering = tasks or Tasks(config.tokens, config.name_reuse_after)
    return await serve_service(answering.service(), config.faults, config.port, answering.close)
