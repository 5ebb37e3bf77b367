"""Sessions of resumable uploads: https://cloud.google.com/storage/docs/resumable-uploads

A session's URI is all that its holder needs, for a week, and it is good for one object only.
"""

import asyncio
import re
import secrets
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, cast

from scripts.local import clock
from scripts.local.storage.preconditions import Preconditions
from scripts.local.storage.refusals import Refused, invalid
from scripts.local.storage.stored import Metadata, Stored

# https://cloud.google.com/storage/docs/resumable-uploads#session-uris
LIFETIME = timedelta(days=7)
# https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
CHUNK_MULTIPLE = 256 * 1024
IN_MEMORY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """How many bytes the whole may have (https://cloud.google.com/storage/docs/xml-api/reference-headers:
    x-goog-content-length-range), and how many were announced (x-upload-content-length)."""

    least: int = 0
    most: int | None = None
    announced: int | None = None

    @classmethod
    def of(cls, length_range: str | None, announced: str | None = None) -> "Bounds":
        """Those of a request's headers. Refuses what cannot be read."""
        match = re.fullmatch(r"(\d+),(\d+)", length_range, re.ASCII) if length_range is not None else None
        if length_range is not None and match is None:
            raise invalid("Invalid value for x-goog-content-length-range.")
        whole = int(announced) if announced and announced.isascii() and announced.isdigit() else None
        return cls(int(match[1]), int(match[2]), whole) if match else cls(announced=whole)

    def check(self, size: int) -> None:
        """Refuse a whole of this size."""
        self.check_so_far(size)
        if size < self.least:
            message = "Your proposed upload is smaller than the minimum object size specified in your Policy Document."
            raise invalid(message, "EntityTooSmall")
        if self.announced not in (None, size):
            raise invalid(f"The upload has {size} bytes, but {self.announced} were announced.")

    def check_so_far(self, size: int) -> None:
        """Refuse what has become too much already."""
        if self.most is not None and size > self.most:
            raise invalid("Your proposed upload exceeds the maximum allowed object size.", "EntityTooLarge")


@dataclass(frozen=True)
class ContentRange:
    """`bytes FIRST-LAST/TOTAL`, where the total may not be known yet; without first and last, a question."""

    first: int | None
    last: int | None
    total: int | None

    @classmethod
    def of(cls, text: str | None) -> "ContentRange":
        """Without the header, the body is the whole. Refuses what cannot be read."""
        if text is None:
            return cls(0, None, None)
        match = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", text, re.ASCII)
        if match is None:
            raise invalid("Failed to parse Content-Range header.")
        first, last, total = (int(part) if part and part != "*" else None for part in match.groups())
        if first is not None and last is not None and (last < first or (total is not None and last >= total)):
            raise invalid("Failed to parse Content-Range header.")
        return cls(first, last, total)


def _file() -> tempfile.SpooledTemporaryFile[bytes]:
    # Closed when the upload is complete or cancelled.
    return tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)


@dataclass
class Session:
    """One upload: what was decided at its start, what has come so far, and what came of it."""

    bucket: str
    name: str
    metadata: Metadata
    preconditions: Preconditions
    bounds: Bounds
    id: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    began: datetime = field(default_factory=clock.now)
    content: BinaryIO = field(default_factory=lambda: cast(BinaryIO, _file()))
    size: int = 0
    result: Stored | None = None
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def receive(self, body: AsyncIterator[bytes], given: ContentRange) -> bool:
        """Take what comes of the body, without what has come before; whether that was the last of it.

        Of a chunk that is not the last one, and of one that broke off, only multiples of 256 KiB are kept.
        """
        first = given.first or 0
        if first > self.size:
            message = (
                f"Invalid request.  According to the Content-Range header, the upload offset is {first} byte(s), "
                f"which exceeds already uploaded size of {self.size} byte(s)."
            )
            raise Refused(503, "backendError", message, "ServiceUnavailable")
        before, received, ended = self.size, 0, False
        skipped = self.size - first
        self.content.seek(self.size)
        try:
            async for chunk in body:
                fresh = chunk[max(0, skipped - received) :]
                received += len(chunk)
                self.content.write(fresh)
                self.size += len(fresh)
                self.bounds.check_so_far(self.size)
            ended = True
        finally:
            if not (ended and self._is_last(given, first + received)):
                self._cut(max(before, self.size - self.size % CHUNK_MULTIPLE))
        if given.last is not None and received != given.last - first + 1:
            raise invalid("The Content-Range header does not match the length of the body.")
        if not self._is_last(given, first + received) and received < CHUNK_MULTIPLE:
            raise invalid(
                "Invalid request.  The number of bytes uploaded is required to be equal or greater than 262144, except "
                "for the final request (it's recommended to be the exact multiple of 262144).  The received request "
                f"contained {received} bytes, which does not meet this requirement."
            )
        return self._is_last(given, first + received)

    def _is_last(self, given: ContentRange, end: int) -> bool:
        whole = given.last is None and given.total is None
        return whole or given.total == end

    def _cut(self, size: int) -> None:
        self.size = size
        self.content.seek(size)
        self.content.truncate()


@dataclass
class Sessions:
    """All sessions by their ids."""

    _open: dict[str, Session] = field(default_factory=dict)

    def begin(self, session: Session) -> Session:
        """Open a session."""
        self._open[session.id] = session
        return session

    def find(self, upload_id: str, bucket: str, name: str | None = None) -> Session:
        """The session of this object; 404 if there is none, 410 after a week."""
        found = self._open.get(upload_id)
        if found is None or found.bucket != bucket or name not in (None, found.name):
            raise Refused(404, "notFound", "Upload session not found.", "NoSuchUpload")
        if clock.now() - found.began >= LIFETIME:
            self.cancel(found)
            raise Refused(410, "gone", "The upload session has expired.", "NoSuchUpload")
        return found

    def cancel(self, session: Session) -> None:
        """Forget a session and what came."""
        session.content.close()
        self._open.pop(session.id, None)
