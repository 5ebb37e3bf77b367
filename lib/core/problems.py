"""Whatever goes wrong, as the problem that the caller is told of: the same under every framework."""

from collections.abc import Iterable

from google.api_core.exceptions import (
    Aborted,
    BadGateway,
    GatewayTimeout,
    InternalServerError,
    RetryError,
    ServiceUnavailable,
    TooManyRequests,
)
from google.auth.exceptions import GoogleAuthError
from pydantic import ValidationError

from lib.core import telemetry
from lib.core.errors import InternalError, InvalidRequest, Problem, Unavailable

RETRY_AFTER_SECONDS = "5"
# What Firestore, Pub/Sub, Cloud Tasks, KMS and the metadata server raise while they are ill, not when we are wrong.
_OUTAGES = (
    ServiceUnavailable,
    GatewayTimeout,
    BadGateway,
    InternalServerError,
    TooManyRequests,
    Aborted,
    RetryError,
    GoogleAuthError,
)


def problem(error: Exception) -> Problem:
    """The error itself if it is a problem; `Unavailable` for an outage of what we stand on; else `InternalError`."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, _OUTAGES):
        telemetry.error("outage", error)
        return Unavailable(headers={"Retry-After": RETRY_AFTER_SECONDS})
    telemetry.error("unhandled exception", error)
    return InternalError()


def invalid(error: ValidationError) -> InvalidRequest:
    """The problem of values that their model refuses, each field named."""
    entries = error.errors(include_url=False, include_context=False, include_input=False)
    return _naming((".".join(map(str, entry["loc"])), entry["msg"]) for entry in entries)


def unknown_query(names: Iterable[str]) -> InvalidRequest:
    """The problem of a query with fields that the route does not take, each named."""
    return _naming((name, "Extra inputs are not permitted") for name in names)


def repeated_query(names: Iterable[str]) -> InvalidRequest:
    """The problem of a query that names fields more than once, of which nobody could say which one is meant."""
    return _naming((name, "Input should be given once") for name in names)


def _naming(complaints: Iterable[tuple[str, str]]) -> InvalidRequest:
    fields = [{"field": field, "message": message} for field, message in complaints]
    return InvalidRequest("; ".join(f"{entry['field']}: {entry['message']}" for entry in fields), errors=fields)
