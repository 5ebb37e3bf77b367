"""Graph's error bodies: `{error: {code, message, innerError: {date, request-id, client-request-id}}}`.

Sources: https://learn.microsoft.com/graph/errors and https://learn.microsoft.com/graph/throttling#sample-response
"""

import uuid
from collections.abc import Mapping
from typing import Any

from scripts.local import clock
from scripts.local.provider.wire import Answer, Call, json_answer

_CHALLENGE = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'


class GraphError(Exception):
    """A refusal that Graph answers; `inner` goes before the usual fields of innerError."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        inner: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.inner = dict(inner or {})

    def answer(self, call: Call) -> Answer:
        """The refusal as Graph words it."""
        identity = request_identity(call)
        inner = {**self.inner, "date": f"{clock.now():%Y-%m-%dT%H:%M:%S}", **identity}
        error: dict[str, Any] = {"code": self.code, "message": self.message, "innerError": inner}
        return json_answer({"error": error}, self.status, {**identity, **self.headers})


def request_identity(call: Call) -> dict[str, str]:
    """A fresh id for the call, and the client's own if it sent one.

    Source: https://learn.microsoft.com/graph/best-practices-concept#reliability-and-support
    """
    fresh = str(uuid.uuid4())
    return {"request-id": fresh, "client-request-id": call.headers.get("client-request-id") or fresh}


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    """400 for a request that cannot be understood."""
    return GraphError(400, code, message)


def unauthenticated(message: str = "Access token is empty.") -> GraphError:
    """401, with the challenge that names the authority."""
    return GraphError(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": _CHALLENGE})


def access_denied() -> GraphError:
    """403 when no granted scope reaches the resource."""
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def item_not_found() -> GraphError:
    """404 for an id that once named something, or never did."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def malformed_id() -> GraphError:
    """400 for what cannot be an id, or is one of the other kind."""
    return bad_request("Id is malformed.", "ErrorInvalidIdMalformed")


def too_many_requests(retry_after: int) -> GraphError:
    """429 in the words of the throttling guide; `retry_after` in seconds."""
    return GraphError(
        429,
        "TooManyRequests",
        "Please retry again later.",
        headers={"Retry-After": str(retry_after)},
        inner={"code": "429", "message": "Please retry after", "status": "429"},
    )


def mailbox_busy(retry_after: int) -> GraphError:
    """429 of Outlook for one request too many at once; `retry_after` in seconds."""
    return GraphError(
        429,
        "ApplicationThrottled",
        "Application is over its MailboxConcurrency limit.",
        headers={"Retry-After": str(retry_after)},
    )
