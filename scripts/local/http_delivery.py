"""One HTTP request to a worker on behalf of Cloud Tasks or Cloud Scheduler, with its deadline by the clock."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from grpc import StatusCode

from scripts.local import clock
from scripts.local.grpc_endpoint import refuse_argument

# https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#HttpRequest
URL_LIMIT = 2083
HEADERS_LIMIT = 80 * 1024
METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}
REPLACED_HEADERS = {"host", "content-length", "user-agent"}
RESERVED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-", "x-cloudscheduler")

# https://cloud.google.com/apis/design/errors#handling_errors
CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    409: StatusCode.ABORTED,
    429: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    500: StatusCode.INTERNAL,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


@dataclass(frozen=True)
class Delivery:
    """A request that is to be made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    deadline: datetime


@dataclass(frozen=True)
class Outcome:
    """What came of a delivery: an HTTP status, or none if no response was received in time."""

    http_status: int | None
    code: StatusCode
    message: str
    retry_after: float = 0.0

    @property
    def succeeded(self) -> bool:
        return self.http_status is not None and 200 <= self.http_status < 300

    @property
    def status(self) -> dict[str, int | str]:
        """The fields of a google.rpc.Status."""
        return {"code": self.code.value[0], "message": self.message}


def check_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse (INVALID_ARGUMENT) what neither service accepts as a target."""
    if not url.startswith(("http://", "https://")) or len(url) > URL_LIMIT:
        refuse_argument("The URL must begin with http:// or https:// and have at most 2083 characters.")
    if body and method not in METHODS_WITH_BODY:
        refuse_argument(f"A body is not allowed with {method}.")
    if sum(len(name) + len(value) for name, value in headers.items()) >= HEADERS_LIMIT:
        refuse_argument("The headers must have less than 80 KB.")


def own_headers(headers: Mapping[str, str], id_token: str | None) -> dict[str, str]:
    """The headers that a worker sees of those that were asked for: some are ignored or replaced."""
    own = {
        name: value
        for name, value in headers.items()
        if name.lower() not in REPLACED_HEADERS and not name.lower().startswith(RESERVED_PREFIXES)
    }
    if id_token is None:
        return own
    own = {name: value for name, value in own.items() if name.lower() != "authorization"}
    return {**own, "Authorization": f"Bearer {id_token}"}


def make_session() -> aiohttp.ClientSession:
    """A session for deliveries: as many connections as are wanted, no deadline but a delivery's own."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None))


async def deliver(session: aiohttp.ClientSession, delivery: Delivery) -> Outcome:
    """Make the request and wait for its response until the deadline, whatever becomes of it."""
    sending = asyncio.create_task(_send(session, delivery))
    expiry = asyncio.create_task(clock.sleep_until(delivery.deadline))
    try:
        await asyncio.wait({sending, expiry}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            return sending.result()
        return Outcome(None, StatusCode.DEADLINE_EXCEEDED, "The request's deadline has passed.")
    finally:
        for task in (sending, expiry):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _send(session: aiohttp.ClientSession, delivery: Delivery) -> Outcome:
    try:
        async with session.request(
            delivery.method,
            delivery.url,
            headers=delivery.headers,
            data=delivery.body or None,
            skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding"),
        ) as response:
            await response.read()
            return _outcome(response.status, response.headers.get("Retry-After", ""))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(None, StatusCode.UNAVAILABLE, f"The worker was not reached ({type(error).__name__}).")


def _outcome(http_status: int, retry_after: str) -> Outcome:
    if 200 <= http_status < 300:
        return Outcome(http_status, StatusCode.OK, "")
    code = CODES.get(http_status, StatusCode.UNKNOWN)
    seconds = float(retry_after) if retry_after.isdecimal() else 0.0
    return Outcome(http_status, code, f"HTTP status code {http_status}", seconds)
