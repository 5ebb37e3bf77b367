"""What goes wrong with a provider, as problems that a caller may learn of."""

from datetime import timedelta
from math import ceil

from lib.core.errors import DeadlineExceeded, Forbidden, Problem, ProviderFailed, Unavailable


class ProviderThrottled(Problem):
    """The provider, or our own quota ledger for it, asks for a pause."""

    status = 503
    title = "The provider asks for fewer requests"

    def __init__(self, detail: str | None = None, *, retry_after: timedelta = timedelta(seconds=1)):
        super().__init__(detail, headers={"Retry-After": str(max(1, ceil(retry_after.total_seconds())))})
        self.retry_after = retry_after


class ProviderRefused(ProviderFailed):
    """The provider does not take the request as it is; the same one would be refused again."""

    title = "The provider refused the request"


class ScopeMissing(Forbidden):
    """The provider says that the token lacks a scope, whatever was granted once."""


class TokenRefused(Exception):
    """401: the access token is not accepted (any more)."""


def is_outage(error: Exception) -> bool:
    """Whether the error says that the provider itself is ill."""
    return isinstance(error, ProviderFailed) and not isinstance(error, ProviderRefused)


def pause_before_retry(error: Exception) -> timedelta | None:
    """What to wait before the same request may succeed; None if it will not."""
    if isinstance(error, ProviderThrottled):
        return error.retry_after
    return timedelta() if is_outage(error) else None


def passes(error: Problem) -> bool:
    """Whether the problem goes away without the person's doing."""
    return is_outage(error) or isinstance(error, ProviderThrottled | Unavailable | DeadlineExceeded)
