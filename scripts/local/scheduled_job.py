"""One Cloud Scheduler job: when it runs by the clock, and what becomes of its attempts."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp
import grpc
from cronsim import CronSim, CronSimError
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.scheduler_v1 import HttpMethod, Job
from google.pubsub_v1.services.publisher import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PublishRequest, PubsubMessage

from scripts.local import clock
from scripts.local.grpc_endpoint import refuse_argument
from scripts.local.http_delivery import Delivery, Outcome, deliver, own_headers
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.retries import RetryPolicy

# The vendor's enumerations are untyped: to mypy their members are plain integers.
State: Any = Job.State
Verb: Any = HttpMethod


def next_time(schedule: str, time_zone: str, after: datetime) -> datetime:
    """The first time after an instant that a schedule names, in UTC.

    Five fields in unix-cron format, read in a zone of the tz database; refuses (INVALID_ARGUMENT) anything else.
    https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules
    """
    if len(schedule.split()) != 5:
        refuse_argument(f"The schedule {schedule!r} does not have five fields.")
    try:
        zone = ZoneInfo(time_zone)
        return next(CronSim(schedule, after.astimezone(zone))).astimezone(UTC)
    except CronSimError as error:
        refuse_argument(f"The schedule {schedule!r} is not valid: {error}.")
    except (ZoneInfoNotFoundError, ValueError):
        refuse_argument(f"The time zone {time_zone!r} is not known.")
    except StopIteration:
        refuse_argument(f"The schedule {schedule!r} names no time.")


@dataclass(frozen=True)
class Targets:
    """What jobs are delivered by."""

    tokens: IdentityTokens
    session: aiohttp.ClientSession
    pubsub: grpc.aio.Channel | None

    async def publish(self, job: Job) -> Outcome:
        """Publish the job's message: https://cloud.google.com/scheduler/docs/creating#pubsub"""
        if self.pubsub is None:
            return Outcome(None, grpc.StatusCode.UNAVAILABLE, "There is no Pub/Sub to publish to.")
        publisher = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=self.pubsub))
        target = job.pubsub_target
        message = PubsubMessage(data=target.data, attributes=dict(target.attributes))
        request = PublishRequest(topic=target.topic_name, messages=[message])
        try:
            await publisher.publish(request, retry=None, timeout=job.attempt_deadline.total_seconds())
        except GoogleAPICallError as error:
            return Outcome(None, error.grpc_status_code or grpc.StatusCode.UNKNOWN, error.message)
        return Outcome(200, grpc.StatusCode.OK, "")

    async def request(self, job: Job, scheduled: datetime) -> Outcome:
        """Make the job's HTTP request: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#httptarget"""
        target = job.http_target
        id_token = None
        if "oidc_token" in target:
            identity = target.oidc_token
            id_token = self.tokens.mint(identity.service_account_email, identity.audience or target.uri)
        headers = own_headers(target.headers, id_token)
        if target.body and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = "application/octet-stream"
        headers["User-Agent"] = "Google-Cloud-Scheduler"
        headers["X-CloudScheduler"] = "true"
        headers["X-CloudScheduler-JobName"] = job.name.rpartition("/")[2]
        zone = ZoneInfo(job.time_zone)
        headers["X-CloudScheduler-ScheduleTime"] = scheduled.astimezone(zone).isoformat()
        verb, deadline = Verb(target.http_method).name, clock.now() + job.attempt_deadline
        return await deliver(self.session, Delivery(verb, target.uri, headers, target.body, deadline))


class ScheduledJob:
    """Runs a job at its times, on the event loop that serves Cloud Scheduler.

    An execution never overlaps the one before it, and times that passed while the clock leapt or the job was paused
    are not made up for: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job
    """

    def __init__(self, description: Job, targets: Targets) -> None:
        self.description = description
        self._targets = targets
        self._changed = asyncio.Event()
        self._forced: set[asyncio.Task[Outcome]] = set()
        self.configure(description)
        self._runner = asyncio.create_task(self._run_forever())

    def configure(self, description: Job) -> None:
        """Take up new settings; the next run is the next time of the schedule from now."""
        self.description = description
        self._plan()
        self._changed.set()

    def run_now(self) -> None:
        """Make one attempt at once, beside the schedule."""
        attempt = asyncio.create_task(self._attempt(clock.now()))
        self._forced.add(attempt)
        attempt.add_done_callback(self._forced.discard)

    async def close(self) -> None:
        """Run no more; attempts under way are abandoned."""
        ending = [self._runner, *self._forced]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _plan(self) -> None:
        job = self.description
        job.schedule_time = next_time(job.schedule, job.time_zone, clock.now())

    async def _run_forever(self) -> None:
        while True:
            self._changed.clear()
            is_enabled = self.description.state == State.ENABLED
            await clock.wait(self._changed, self.description.schedule_time if is_enabled else None)
            if not self._changed.is_set():
                await self._execute(self.description.schedule_time)

    async def _execute(self, scheduled: datetime) -> None:
        """Attempt, and retry by the policy until the next scheduled time or a change of the job."""
        started = clock.now()
        policy = self._policy()
        attempts = 0
        while not self._changed.is_set():
            outcome = await self._attempt(scheduled)
            attempts += 1
            if self._changed.is_set():
                return
            self._plan()
            retry_at = clock.now() + policy.interval(attempts)
            is_exhausted = policy.is_exhausted(attempts, clock.now() - started)
            if outcome.succeeded or is_exhausted or retry_at >= self.description.schedule_time:
                return
            self.description.schedule_time = retry_at
            await clock.wait(self._changed, retry_at)

    async def _attempt(self, scheduled: datetime) -> Outcome:
        job = self.description
        job.last_attempt_time = clock.now()
        if "pubsub_target" in job:
            outcome = await self._targets.publish(job)
        else:
            outcome = await self._targets.request(job, scheduled)
        job.status = outcome.status
        return outcome

    def _policy(self) -> RetryPolicy:
        config = self.description.retry_config
        return RetryPolicy(
            max_attempts=config.retry_count + 1,
            max_duration=config.max_retry_duration or timedelta(),
            min_backoff=config.min_backoff_duration,
            max_backoff=config.max_backoff_duration,
            max_doublings=config.max_doublings,
        )
