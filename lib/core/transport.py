"""One pooled HTTP layer for all threads, on which no request outlasts the deadline of the work at hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

import urllib3

from lib.core import clock, deadline
from lib.core.deadline import Deadline
from lib.core.errors import DeadlineExceeded, ProviderFailed

LONGEST_CALL = timedelta(seconds=10)
LONGEST_CONNECT = timedelta(seconds=3)
FAIR_CHANCE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(days=1)
MOST_BYTES = 48 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> timedelta | None:
        """The pause that was asked for, in seconds or until a date (RFC 9110, section 10.2.3)."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(timedelta(seconds=int(text[:9])), LONGEST_PAUSE)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        asked: timedelta = moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()
        return min(max(timedelta(), asked), LONGEST_PAUSE)


def send(vendor: str, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None = None) -> Reply:
    """One request, at most ten seconds and never beyond the current deadline, without redirects or retries.

    `vendor` is whom the messages of errors name. Raises `ProviderFailed` when the connection fails, or a fair chance of
    two seconds brought nothing, and `DeadlineExceeded` when there was less time than that.
    """
    allowed = deadline.current().seconds(LONGEST_CALL)
    limit = Deadline.after(timedelta(seconds=allowed))
    try:
        response = _pool().request(
            method,
            url,
            headers=dict(headers),
            body=body,
            timeout=urllib3.Timeout(connect=min(allowed, LONGEST_CONNECT.total_seconds()), total=allowed),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            content = b"".join(_chunks(vendor, response, limit))
        except BaseException:
            response.close()
            raise
        response.release_conn()
    except (urllib3.exceptions.TimeoutError, TimeoutError, DeadlineExceeded):
        if allowed < FAIR_CHANCE.total_seconds():
            raise DeadlineExceeded(f"{vendor} did not answer in time") from None
        raise ProviderFailed(f"{vendor} did not answer in time") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ProviderFailed(f"The connection to {vendor} failed: {type(error).__name__}") from None
    return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, content)


def _chunks(vendor: str, response: urllib3.BaseHTTPResponse, limit: Deadline) -> Iterator[bytes]:
    """The body, so read that a trickle does not outlast the limit either."""
    received = 0
    while True:
        _limit_reading(response, limit)
        chunk = response.read(CHUNK_BYTES)
        if not chunk:
            return
        received += len(chunk)
        if received > MOST_BYTES:
            raise ProviderFailed(f"{vendor}'s answer is too large")
        yield chunk


def _limit_reading(response: urllib3.BaseHTTPResponse, limit: Deadline) -> None:
    """A socket's timeout counts from each packet: shorten it to what is left."""
    seconds = limit.seconds(LONGEST_CALL)
    socket = getattr(response.connection, "sock", None)
    if socket is not None:
        socket.settimeout(seconds)


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(num_pools=8, maxsize=64, block=False)
