"""Google's error bodies: `{error: {code, message, errors: [{domain, reason, message}], status}}`.

Sources: https://developers.google.com/workspace/gmail/api/guides/handle-errors and
https://developers.google.com/workspace/calendar/api/guides/errors
"""

from collections.abc import Mapping
from typing import Any

from scripts.local.provider.wire import Answer, Json, json_answer

_RPC_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_DOMAINS = {
    "rateLimitExceeded": "usageLimits",
    "userRateLimitExceeded": "usageLimits",
    "quotaExceeded": "usageLimits",
    "dailyLimitExceeded": "usageLimits",
    "fullSyncRequired": "calendar",
    "timeRangeEmpty": "calendar",
    "requiredAccessLevel": "calendar",
}


class ApiError(Exception):
    """A refusal that an API answers; `location` is (kind, name), such as ("parameter", "timeMax")."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        location: tuple[str, str] | None = None,
        details: tuple[Json, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.location = location
        self.details = details
        self.headers = dict(headers or {})

    def answer(self) -> Answer:
        """The refusal as Google words it."""
        entry: Json = {
            "message": self.message,
            "domain": _DOMAINS.get(self.reason, "global"),
            "reason": self.reason,
        }
        if self.location:
            entry["locationType"], entry["location"] = self.location
        error: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [entry]}
        if self.code in _RPC_STATUSES:
            error["status"] = _RPC_STATUSES[self.code]
        if self.details:
            error["details"] = list(self.details)
        return json_answer({"error": error}, self.code, self.headers)


def invalid_argument(message: str, violations: tuple[str, ...] = ()) -> ApiError:
    """400 in the words of the newer front end, with a field violation each."""
    details: tuple[Json, ...] = ()
    if violations:
        described = [{"description": violation} for violation in violations]
        details = ({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": described},)
    return ApiError(400, "invalidArgument" if not violations else "invalid", message, details=details)


def entity_not_found() -> ApiError:
    """404 as Gmail words it."""
    return ApiError(404, "notFound", "Requested entity was not found.")


def calendar_not_found() -> ApiError:
    """404 as Calendar words it."""
    return ApiError(404, "notFound", "Not Found")
