"""When a failed delivery is tried again, as Cloud Tasks and Cloud Scheduler both reckon it.

https://cloud.google.com/tasks/docs/reference/rest/v2/RetryConfig
https://cloud.google.com/scheduler/docs/reference/rest/v1/RetryConfig
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """Limits and back-off of retries; no maximum of attempts or a zero duration means that this one is no limit."""

    max_attempts: int | None
    max_duration: timedelta
    min_backoff: timedelta
    max_backoff: timedelta
    max_doublings: int

    def interval(self, retry: int) -> timedelta:
        """How long to wait before the n-th retry, n from 1.

        It starts at min_backoff, doubles max_doublings times, then grows linearly by the last doubled interval, up
        to max_backoff: 10 s, 300 s and 3 give 10, 20, 40, 80, 160, 240, 300, 300 s.
        """
        doublings = min(retry - 1, self.max_doublings)
        # Beyond any maximum of days, and a greater power would not fit a timedelta.
        if doublings > 40:
            return self.max_backoff
        steps = max(1, retry - self.max_doublings)
        seconds = self.min_backoff.total_seconds() * 2**doublings * steps
        return timedelta(seconds=min(seconds, self.max_backoff.total_seconds()))

    def is_exhausted(self, attempts: int, since_first: timedelta) -> bool:
        """Whether to give up: when every limit that is set has been reached."""
        reached = []
        if self.max_attempts is not None:
            reached.append(attempts >= self.max_attempts)
        if self.max_duration > timedelta():
            reached.append(since_first >= self.max_duration)
        return bool(reached) and all(reached)
