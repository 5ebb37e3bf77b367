"""Errors as each vendor words them.

Sources: https://platform.openai.com/docs/guides/error-codes and https://docs.anthropic.com/en/api/errors
"""

import uuid
from typing import Any

from aiohttp import web

from scripts.local.models.conversation import Dialect

ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}
OPENAI_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "server_overloaded"),
}
MESSAGES = {
    401: "Incorrect API key provided.",
    429: "Rate limit reached for requests.",
    500: "The server had an error while processing your request.",
    503: "The engine is currently overloaded, please try again later.",
    529: "Overloaded",
}


class ModelError(Exception):
    """A request that is refused: the HTTP status and what both vendors would say about it."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        code: str | None = None,
        parameter: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message or MESSAGES.get(status, "Error"))
        self.status = status
        self.message = message or MESSAGES.get(status, "Error")
        self.code = code
        self.parameter = parameter
        self.retry_after = retry_after


def body(dialect: Dialect, error: ModelError) -> dict[str, Any]:
    """The JSON of the error in the vendor's form."""
    if dialect == "anthropic":
        kind = ANTHROPIC_TYPES.get(error.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": error.message}}
    kind, code = OPENAI_TYPES.get(error.status, ("server_error", None))
    return {
        "error": {
            "message": error.message,
            "type": kind,
            "param": error.parameter,
            "code": error.code or code,
        }
    }


def response(dialect: Dialect, error: ModelError) -> web.Response:
    """The error as an HTTP response with the headers that the SDKs read."""
    headers = {identity_header(dialect): request_id()}
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    return web.json_response(body(dialect, error), status=error.status, headers=headers)


def identity_header(dialect: Dialect) -> str:
    """The header in which the vendor names the request."""
    return "request-id" if dialect == "anthropic" else "x-request-id"


def request_id() -> str:
    """A fresh name for a request."""
    return f"req_{uuid.uuid4().hex[:24]}"
