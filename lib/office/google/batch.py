"""Many calls in one request: multipart/mixed with an HTTP request in each part.

https://developers.google.com/workspace/gmail/api/guides/batch
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lib.core.errors import ProviderFailed
from lib.core.transport import Reply

MOST_PARTS = 50

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_CONTENT_ID = re.compile(r"<response-part-(\d+)>")
_STATUS_LINE = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})")
_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Envelope:
    """A batch as it goes out."""

    content_type: str
    body: bytes


def pack(urls: Sequence[str]) -> Envelope:
    """A GET of each URL; the headers of the envelope count for all of them."""
    boundary = f"batch-{secrets.token_hex(16)}"
    parts = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <part-{place}>\r\n\r\n"
        f"GET {_target(url)} HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n"
        for place, url in enumerate(urls)
    ]
    return Envelope(f"multipart/mixed; boundary={boundary}", ("".join(parts) + f"--{boundary}--\r\n").encode())


def unpack(reply: Reply, count: int) -> list[Reply]:
    """The answers in the order of the questions. Raises `ProviderFailed` if one is missing or cannot be read."""
    boundary = _BOUNDARY.search(reply.headers.get("content-type", ""))
    if boundary is None:
        raise ProviderFailed("Google's answer is not a batch")
    answers: dict[int, Reply] = {}
    for part in (b"\r\n" + reply.body).split(b"\r\n--" + boundary[1].encode())[1:]:
        if not part.startswith(b"--"):
            place, answer = _answer(part)
            answers[place] = answer
    if sorted(answers) != list(range(count)):
        raise ProviderFailed("Google's batch lacks answers")
    return [answers[place] for place in range(count)]


def _answer(part: bytes) -> tuple[int, Reply]:
    envelope, inner = _split(part.lstrip(b"\r\n"))
    head, body = _split(inner)
    content_id = _CONTENT_ID.search(_headers(envelope).get("content-id", ""))
    status = _STATUS_LINE.match(head.decode("latin-1"))
    if content_id is None or status is None:
        raise ProviderFailed("Google's batch cannot be read")
    return int(content_id[1]), Reply(int(status[1]), _headers(head), body)


def _split(data: bytes) -> tuple[bytes, bytes]:
    end = _HEAD_END.search(data)
    return (data[: end.start()], data[end.end() :]) if end else (data, b"")


def _headers(head: bytes) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in head.decode("latin-1").splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
