"""Cloud Scheduler over gRPC, in memory: cron jobs with an HTTP or a Pub/Sub target, following the moved clock.

Imitates https://cloud.google.com/scheduler/docs/reference/rpc/google.cloud.scheduler.v1
Not imitated: App Engine targets, OAuth tokens, IAM, English-like schedules (INVALID_ARGUMENT). Fails on command by the
fault service name `scheduler`.
"""

import asyncio
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.cloud import scheduler_v1 as api
from google.cloud.scheduler_v1 import Job, RetryConfig
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
    refuse_missing,
    refuse_state,
    serve_service,
)
from scripts.local.http_delivery import check_request, make_session
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.pages import page
from scripts.local.scheduled_job import ScheduledJob, State, Targets, Verb, next_time

JOB = r"projects/[A-Za-z0-9:.-]+/locations/[a-z0-9-]+/jobs/[A-Za-z0-9_-]{1,500}"
PAGE_LIMIT = 500
# https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job (attemptDeadline)
DEADLINE_DEFAULT = timedelta(minutes=3)
DEADLINE_MINIMUM = timedelta(seconds=15)
DEADLINE_MAXIMUM = timedelta(minutes=30)
RETRY_LIMIT = 5
MUTABLE_FIELDS = (
    "description",
    "http_target",
    "pubsub_target",
    "schedule",
    "time_zone",
    "retry_config",
    "attempt_deadline",
)


@dataclass(frozen=True)
class SchedulerConfig:
    """Who signs tokens, where Pub/Sub is (host:port), where to listen and which faults to obey."""

    tokens: IdentityTokens
    pubsub: str | None = None
    faults: Faults = field(default_factory=Faults)
    port: int = 0


def _complete_retries(config: RetryConfig) -> RetryConfig:
    """Defaults: https://cloud.google.com/scheduler/docs/reference/rest/v1/RetryConfig"""
    complete = RetryConfig(config)
    if not 0 <= complete.retry_count <= RETRY_LIMIT:
        refuse_argument("retry_count must not be negative nor greater than 5.")
    if "min_backoff_duration" not in complete:
        complete.min_backoff_duration = timedelta(seconds=5)
    if "max_backoff_duration" not in complete:
        complete.max_backoff_duration = timedelta(hours=1)
    complete.max_doublings = complete.max_doublings or 5
    return complete


def _complete(wanted: Job) -> Job:
    """The job with its defaults; refuses (INVALID_ARGUMENT) what is not valid."""
    job = Job(wanted)
    job.time_zone = job.time_zone or "UTC"
    if not re.fullmatch(JOB, job.name):
        refuse_argument("The job's name is not valid.")
    next_time(job.schedule, job.time_zone, clock.now())
    if "attempt_deadline" not in job:
        job.attempt_deadline = DEADLINE_DEFAULT
    if not DEADLINE_MINIMUM <= job.attempt_deadline <= DEADLINE_MAXIMUM:
        refuse_argument("attempt_deadline must be between 15 seconds and 30 minutes.")
    job.retry_config = _complete_retries(job.retry_config)
    job.user_update_time = clock.now()
    _check_target(job)
    return job


def _check_target(job: Job) -> None:
    if "http_target" in job:
        target = job.http_target
        target.http_method = target.http_method or Verb.POST
        check_request(Verb(target.http_method).name, target.uri, target.headers, target.body)
        if "oauth_token" in target:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, "OAuth tokens are not emulated.")
        if "oidc_token" in target and not target.oidc_token.service_account_email:
            refuse_argument("oidc_token.service_account_email must be set.")
    elif "pubsub_target" in job:
        if not job.pubsub_target.data and not job.pubsub_target.attributes:
            refuse_argument("A Pub/Sub message must have data or an attribute.")
    else:
        refuse_argument("The job must have an HTTP or a Pub/Sub target.")


class Scheduler:
    """The state of Cloud Scheduler and its answers; used on the event loop that made it."""

    def __init__(self, tokens: IdentityTokens, pubsub: str | None) -> None:
        self._channel = grpc.aio.insecure_channel(pubsub) if pubsub else None
        self._targets = Targets(tokens, make_session(), self._channel)
        self._jobs: dict[str, ScheduledJob] = {}

    async def close(self) -> None:
        """Run no more jobs."""
        await asyncio.gather(*(job.close() for job in self._jobs.values()))
        await self._targets.session.close()
        if self._channel is not None:
            await self._channel.close()

    async def create_job(self, request: api.CreateJobRequest) -> Job:
        wanted = Job(request.job)
        wanted.name = wanted.name or f"{request.parent}/jobs/{uuid.uuid4().int >> 65}"
        if not wanted.name.startswith(f"{request.parent}/jobs/"):
            refuse_argument("The job's name is not under the parent.")
        job = _complete(wanted)
        if job.name in self._jobs:
            refuse_duplicate(f"Job {job.name}")
        job.state = State.ENABLED
        self._jobs[job.name] = ScheduledJob(job, self._targets)
        return job

    async def get_job(self, request: api.GetJobRequest) -> Job:
        return self._job(request.name).description

    async def list_jobs(self, request: api.ListJobsRequest) -> api.ListJobsResponse:
        names = sorted(name for name in self._jobs if name.startswith(f"{request.parent}/"))
        some, following = page(names, request.page_size, request.page_token, PAGE_LIMIT)
        jobs = [self._jobs[name].description for name in some]
        return api.ListJobsResponse(jobs=jobs, next_page_token=following)

    async def update_job(self, request: api.UpdateJobRequest) -> Job:
        """The fields of the mask are replaced, or without a mask all that can be set."""
        job = self._job(request.job.name)
        paths = list(request.update_mask.paths) or list(MUTABLE_FIELDS)
        if set(paths) - set(MUTABLE_FIELDS):
            refuse_argument(f"update_mask may name {', '.join(MUTABLE_FIELDS)}.")
        changed = Job(job.description)
        for path in paths:
            # Unset members of a oneof must not be written: that would clear the member that is set.
            if path in request.job or not path.endswith("_target"):
                setattr(changed, path, getattr(request.job, path))
        job.configure(_complete(changed))
        return job.description

    async def delete_job(self, request: api.DeleteJobRequest) -> Empty:
        job = self._job(request.name)
        del self._jobs[request.name]
        await job.close()
        return Empty()

    async def pause_job(self, request: api.PauseJobRequest) -> Job:
        return self._move(request.name, State.ENABLED, State.PAUSED)

    async def resume_job(self, request: api.ResumeJobRequest) -> Job:
        return self._move(request.name, State.PAUSED, State.ENABLED)

    async def run_job(self, request: api.RunJobRequest) -> Job:
        """Attempts the job at once, even if it is paused or running; answers without waiting for the target."""
        job = self._job(request.name)
        job.run_now()
        return job.description

    def _move(self, name: str, source: int, target: int) -> Job:
        job = self._job(name)
        if job.description.state != source:
            refuse_state(f"Job {name} is {State(job.description.state).name}.")
        changed = Job(job.description)
        changed.state = State(target)
        job.configure(changed)
        return changed

    def _job(self, name: str) -> ScheduledJob:
        if name not in self._jobs:
            refuse_missing(f"Job {name}")
        return self._jobs[name]

    def service(self) -> Service:
        """What goes on the wire."""
        methods = {
            "CreateJob": Method(api.CreateJobRequest, Job, self.create_job),
            "GetJob": Method(api.GetJobRequest, Job, self.get_job),
            "ListJobs": Method(api.ListJobsRequest, api.ListJobsResponse, self.list_jobs),
            "UpdateJob": Method(api.UpdateJobRequest, Job, self.update_job),
            "DeleteJob": Method(api.DeleteJobRequest, Empty, self.delete_job),
            "PauseJob": Method(api.PauseJobRequest, Job, self.pause_job),
            "ResumeJob": Method(api.ResumeJobRequest, Job, self.resume_job),
            "RunJob": Method(api.RunJobRequest, Job, self.run_job),
        }
        return Service("google.cloud.scheduler.v1.CloudScheduler", "scheduler", methods)


async def serve(config: SchedulerConfig, scheduler: Scheduler | None = None) -> GrpcEndpoint:
    """Serve Cloud Scheduler on 127.0.0.1; jobs stop when the endpoint is closed."""
    answering = scheduler or Scheduler(config.tokens, config.pubsub)
    return await serve_service(answering.service(), config.faults, config.port, answering.close)
