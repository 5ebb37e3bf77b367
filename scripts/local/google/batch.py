"""HTTP batches: multipart/mixed, a request in each part, each judged alone.

Sources: https://developers.google.com/workspace/gmail/api/guides/batch (100 calls) and
https://developers.google.com/workspace/calendar/api/guides/batch (50 calls, paths, Content-ID, order of the answers)
"""

import re
import secrets
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from email.message import Message
from http import HTTPStatus

from multidict import CIMultiDict

from scripts.local.google.errors import ApiError, invalid_argument
from scripts.local.google.method_override import meant
from scripts.local.provider.wire import Answer, Call

_LIMITS = {"/batch/gmail/v1": 100, "/batch/calendar/v3": 50, "/batch": 100}
_PREFIXES = {"/batch/gmail/v1": "/gmail/v1/", "/batch/calendar/v3": "/calendar/v3/", "/batch": "/"}
PATHS = tuple(_LIMITS)
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/1\.[01])?")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")

Run = Callable[[Call], Awaitable[Answer]]


async def answer_batch(call: Call, run: Run) -> Answer:
    """Run every part in order and put the answers together; a part that breaks the connection breaks the whole."""
    try:
        parts = _parts(call)
        calls = [_inner(part, call) for part in parts]
    except ApiError as refusal:
        return refusal.answer()
    boundary = f"batch_{secrets.token_urlsafe(18)}"
    body = b""
    for part, inner in zip(parts, calls, strict=True):
        answer = await run(inner)
        if answer.ending != "complete":
            return answer
        body += _part(boundary, part.get("Content-ID"), answer)
    body += f"--{boundary}--\r\n".encode()
    return Answer(200, body, f"multipart/mixed; boundary={boundary}")


def _parts(call: Call) -> list[Message]:
    content_type = call.headers.get("Content-Type", "")
    document = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + call.body, policy=policy.compat32)
    parts = document.get_payload()
    if document.get_content_type() != "multipart/mixed" or not isinstance(parts, list):
        raise ApiError(400, "badRequest", "Failed to parse batch request, error: Missing or malformed boundary.")
    if not parts:
        raise ApiError(400, "badRequest", "The batch request contains no calls.")
    if len(parts) > _LIMITS[call.path]:
        message = f"The batch request contains too many calls: {len(parts)}, maximum: {_LIMITS[call.path]}."
        raise ApiError(400, "batchSizeTooLarge", message)
    return [part for part in parts if isinstance(part, Message)]


def _inner(part: Message, outer: Call) -> Call:
    """The request in a part; the outer Authorization counts where the part has none."""
    if part.get_content_type() != "application/http":
        raise invalid_argument("Failed to parse batch request, error: a part is not application/http.")
    payload = part.get_payload(decode=True)
    raw = payload.lstrip() if isinstance(payload, bytes) else b""
    head, _, body = _split(raw)
    lines = head.decode("latin-1").splitlines()
    line = _REQUEST_LINE.fullmatch(lines[0].strip()) if lines else None
    if line is None:
        raise invalid_argument("Failed to parse batch request, error: a part has no request line.")
    headers: CIMultiDict[str] = CIMultiDict()
    if "Authorization" in outer.headers:
        headers["Authorization"] = outer.headers["Authorization"]
    for text in lines[1:]:
        name, _, value = text.partition(":")
        headers[name.strip()] = value.strip()
    inner = meant(Call.of_target(line[1], line[2], headers, body))
    return inner if inner.path.startswith(_PREFIXES[outer.path]) else Call(inner.method, "/not-in-this-batch")


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    end = _END_OF_HEAD.search(raw)
    return (raw[: end.start()], end[0], raw[end.end() :]) if end else (raw, b"", b"")


def _part(boundary: str, content_id: str | None, answer: Answer) -> bytes:
    """One answer; its Content-ID is the request's with `response-` before it."""
    named = ""
    if content_id:
        named = f"Content-ID: <response-{content_id.strip().strip('<>')}>\r\n"
    headers = {**answer.headers, "Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reason = HTTPStatus(answer.status).phrase
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\n{named}\r\nHTTP/1.1 {answer.status} {reason}\r\n{lines}\r\n"
    )
    return head.encode() + answer.body + b"\r\n"
