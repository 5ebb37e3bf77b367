"""Problems that a caller is told of: one class per kind, its name on the wire (RFC 9457)."""

import re
from typing import Any, ClassVar

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An error with a status, a stable type and a sentence that helps the caller; never with internals."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any):
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    @classmethod
    def type(cls) -> str:
        """The problem's type on the wire: the class's name, as `not-found`."""
        return "urn:briefly:problem:" + re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        """The problem as RFC 9457 has it, with our own members beside the standard ones."""
        document: dict[str, Any] = {"type": self.type(), "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        if request_id:
            document["request_id"] = request_id
        return document | self.members


class InternalError(Problem):
    """Ours: an unknown exception, of which the caller learns only the request's id."""


class MalformedBody(Problem):
    status = 400
    title = "The body is not valid JSON"


class MalformedWebhook(Problem):
    status = 400
    title = "The webhook cannot be read"


class InvalidCursor(Problem):
    status = 400
    title = "The cursor is not one that this list handed out"


class Unauthenticated(Problem):
    status = 401
    title = "The request does not prove who makes it"


class InvalidSignature(Unauthenticated):
    title = "The signature is not right"


class Forbidden(Problem):
    status = 403
    title = "The caller may not do this"


class NotFound(Problem):
    status = 404
    title = "There is no such thing"


class MethodNotAllowed(Problem):
    status = 405
    title = "The resource does not take this method"


class Conflict(Problem):
    status = 409
    title = "The request conflicts with what is there"


class ReplayedRequest(Conflict):
    title = "This signed request was made before"


class RequestInProgress(Conflict):
    title = "The same request is being worked on"


class ReconnectRequired(Conflict):
    title = "The account has to be connected again"


class PersonDeleted(Problem):
    status = 410
    title = "This person was deleted"


class PreconditionFailed(Problem):
    status = 412
    title = "It was changed since it was read"


class BodyTooLarge(Problem):
    status = 413
    title = "The body is too large"


class UnsupportedMediaType(Problem):
    status = 415
    title = "The body has to be application/json"


class InvalidRequest(Problem):
    status = 422
    title = "The request has values that are not allowed"


class IdempotencyKeyReused(Problem):
    status = 422
    title = "The idempotency key was used for another request"


class TooManyRequests(Problem):
    status = 429
    title = "Too many requests"


class SpendLimitReached(Problem):
    status = 429
    title = "The day's budget for models is used up"


class ProviderFailed(Problem):
    status = 502
    title = "The provider did not answer as it should"


class Unavailable(Problem):
    status = 503
    title = "This is not available for the moment"


class DeadlineExceeded(Problem):
    status = 504
    title = "It took too long"
