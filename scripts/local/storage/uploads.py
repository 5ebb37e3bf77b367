"""Bytes on their way in: of one request, checked before they count, and of a resumable upload, chunk by chunk.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import base64
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import google_crc32c
from aiohttp import web

from scripts.local.storage.headers import joined
from scripts.local.storage.objects import Objects
from scripts.local.storage.refusals import Refused, invalid
from scripts.local.storage.sessions import IN_MEMORY_BYTES, Bounds, ContentRange, Session, Sessions
from scripts.local.storage.stored import Stored

CANCELLED = 499
RESUME = 308


@dataclass(frozen=True)
class Hashes:
    """What the body must hash to (base64), as the client says: https://cloud.google.com/storage/docs/data-validation"""

    crc32c: str | None = None
    md5: str | None = None
    sha256: str | None = None

    @classmethod
    def of_headers(cls, headers: Mapping[str, str], sha256: str | None = None) -> "Hashes":
        """Those of `x-goog-hash` and `Content-MD5`, and the one that a signature demands, in hexadecimal."""
        named = dict(part.strip().partition("=")[::2] for part in headers.get("x-goog-hash", "").split(","))
        return cls(named.get("crc32c"), named.get("md5") or headers.get("Content-MD5"), sha256)

    def check(self, content: BinaryIO) -> None:
        """Refuse with 400 what does not hash to them."""
        wanted: tuple[tuple[str, str | None, Any], ...] = (
            ("CRC32C", self.crc32c, google_crc32c.Checksum()),  # type: ignore[no-untyped-call]
            ("MD5", self.md5, hashlib.md5(usedforsecurity=False)),
            ("SHA256", self.sha256, hashlib.sha256()),
        )
        checks = [(kind, given, checksum) for kind, given, checksum in wanted if given is not None]
        content.seek(0)
        while checks and (chunk := content.read(IN_MEMORY_BYTES)):
            for _, _, checksum in checks:
                checksum.update(chunk)
        content.seek(0)
        for kind, given, checksum in checks:
            digest = checksum.digest()
            calculated = digest.hex() if kind == "SHA256" else base64.b64encode(digest).decode()
            if given != calculated:
                message = f'Provided {kind} "{given}" doesn\'t match calculated {kind} "{calculated}".'
                raise invalid(message, "BadDigest")


@contextmanager
def incoming() -> Iterator[BinaryIO]:
    """Where a body is kept until all of it has come and is right."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        yield cast(BinaryIO, file)


async def receive(body: AsyncIterator[bytes], file: BinaryIO, bounds: Bounds, hashes: Hashes) -> None:
    """Keep a whole body in the file. Refuses one that is too short or long, or does not hash to what it should."""
    size = 0
    async for chunk in body:
        size += len(chunk)
        bounds.check_so_far(size)
        file.write(chunk)
    bounds.check(size)
    hashes.check(file)


@dataclass
class ResumableUploads:
    """What the holder of a session's URI may do with it."""

    objects: Objects
    sessions: Sessions = field(default_factory=Sessions)

    def begin(self, session: Session) -> Session:
        """Open a session, unless the object could not be written even now."""
        self.objects.check_write(session.bucket, session.name, session.preconditions)
        return self.sessions.begin(session)

    async def put(self, session: Session, request: web.Request) -> Stored | None:
        """A chunk, or the question how far it got; the object when it is whole, None while it is not."""
        async with session.alone:
            if session.result is not None:
                return session.result
            given = ContentRange.of(request.headers.get("Content-Range"))
            if given.first is None:
                complete = given.total is not None and given.total == session.size
            else:
                complete = await session.receive(request.content.iter_any(), given)
            if not complete:
                return None
            return await self._complete(session, Hashes.of_headers(joined(request.headers)))

    async def _complete(self, session: Session, hashes: Hashes) -> Stored:
        session.bounds.check(session.size)
        hashes.check(session.content)
        content, metadata = session.content, session.metadata
        stored = await self.objects.insert(session.bucket, session.name, content, metadata, session.preconditions)
        session.result = stored
        session.content.close()
        return stored

    def cancel(self, session: Session) -> web.Response:
        """Forget the upload; 499, whose reason is the caller's own wish."""
        if session.result is not None:
            raise Refused(400, "invalid", "The upload is complete.")
        self.sessions.cancel(session)
        return web.Response(status=CANCELLED, reason="Client Closed Request")


def resume(session: Session) -> web.Response:
    """308, and which bytes have come: none are named if none have."""
    headers = {"Range": f"bytes=0-{session.size - 1}"} if session.size else {}
    return web.Response(status=RESUME, reason="Resume Incomplete", headers=headers)
