"""Cloud Storage: the one way to objects. What is written is created, or replaces the generation that was read.

So a write that may have taken effect can be tried again: it cannot happen twice, nor undo what somebody else wrote
(https://cloud.google.com/storage/docs/retry-strategy#idempotency). `lib.core.signed_urls` lets browsers in.
Everything here raises `InternalError` for a bucket that there is not.
"""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import IO, TYPE_CHECKING, Any, TypeVar

import google_crc32c
import requests
from google.api_core import exceptions as google_errors

from lib.core import deadline, ids, problems, retry
from lib.core.errors import Conflict, NotFound, Problem, Unavailable
from lib.core.object_names import ObjectName, parsed, prefix
from lib.core.own_account import own_account
from lib.core.settings import load
from lib.core.storage_settings import StorageSettings, bucket_name
from lib.core.store import UserId

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

LONGEST_CALL = timedelta(seconds=20)
CHUNK_BYTES = 4 * 1024 * 1024
WRITTEN_AT_ONCE = 1024 * 1024
PAGE = 500
# A refused upload tells its reason in the text of the error only.
_KEPT = ("is subject to bucket's retention policy", "hold and cannot be deleted")
# So does what is not found, which may be the bucket: nothing in it would then be known to be gone.
_NO_OBJECT = "No such object"
_WRITE = "write"
_ABSENT = 0
_T = TypeVar("_T")


class ChangedMeanwhile(Conflict):
    title = "Somebody else changed it meanwhile"


class Retained(Conflict):
    title = "It has to be kept for longer"


@dataclass(frozen=True)
class StoredObject:
    """An object as it was found. The generation names its content: another content has another one."""

    name: ObjectName
    generation: int
    size: int
    content_type: str
    created: datetime
    crc32c: str


def create(bucket: str, name: ObjectName, content: bytes, content_type: str) -> StoredObject:
    """Store a new object. Raises `ChangedMeanwhile` if there is one already, and `Unavailable`."""
    return _write(bucket, name, content, content_type, _ABSENT)


def replace(bucket: str, name: ObjectName, content: bytes, content_type: str, *, generation: int) -> StoredObject:
    """Store what replaces a generation. Raises `ChangedMeanwhile` if that is not there any more, `Unavailable`.

    Raises `Retained` while a retention policy or a hold keeps it.
    """
    return _write(bucket, name, content, content_type, generation)


@contextmanager
def writing(bucket: str, name: ObjectName, content_type: str) -> Iterator[IO[bytes]]:
    """A file whose bytes become the object when the block ends well, without ever being in memory together.

    Whatever there was is replaced then. If the block fails, the object stays as it was. Raises `ChangedMeanwhile` if
    somebody else wrote it meanwhile, `Retained`, `Unavailable`.
    https://cloud.google.com/storage/docs/resumable-uploads
    """
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    try:
        generation = describe(bucket, name).generation
    except NotFound:
        generation = _ABSENT
    try:
        with _blob(bucket, name).open(
            "wb",
            chunk_size=WRITTEN_AT_ONCE,
            ignore_flush=True,
            content_type=content_type,
            if_generation_match=generation,
            timeout=LONGEST_CALL.total_seconds(),
        ) as file:
            yield file
    except (google_errors.GoogleAPIError, requests.RequestException) as error:
        raise _problem(error) from error
    except InvalidResponse as error:
        raise _problem(google_errors.from_http_response(error.response)) from error  # type: ignore[no-untyped-call]
    except DataCorruption as error:
        raise Unavailable("What was written is not what was stored") from error


def delete(bucket: str, name: ObjectName, *, generation: int) -> None:
    """Delete a generation; nothing happens if there is no such object.

    Raises `ChangedMeanwhile` if there is another generation, `Retained`, `Unavailable`.
    """
    blob = _blob(bucket, name)
    try:
        _run(lambda: blob.delete(if_generation_match=generation, timeout=_timeout(), retry=None))
    except NotFound:
        return
    except ChangedMeanwhile:
        # The API may say so too when there is nothing left, for example after an attempt that only seemed to fail.
        with suppress(NotFound):
            describe(bucket, name)
            raise


def describe(bucket: str, name: ObjectName) -> StoredObject:
    """What is there. Raises `NotFound`, `Unavailable`."""
    blob = _blob(bucket, name)
    _run(lambda: blob.reload(timeout=_timeout(), retry=None))
    return _described(name, blob)


def read(bucket: str, stored: StoredObject, *, first: int = 0) -> Iterator[bytes]:
    """The content of this generation from a byte on, 4 MiB at a time, so that no object has to fit into memory.

    Each chunk has the time of a call of its own. Raises `NotFound` if the generation is gone, `Unavailable`; this too
    when what was read from the first byte on is not what was stored.
    """
    blob = _blob(bucket, stored.name, stored.generation)
    checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    for start in range(first, stored.size, CHUNK_BYTES):
        chunk = _chunk(blob, start, min(start + CHUNK_BYTES, stored.size) - 1)
        checksum.update(chunk)
        yield chunk
    if first == 0 and checksum.digest() != base64.b64decode(stored.crc32c):
        raise Unavailable("What was read is not what was stored")


def list_objects(bucket: str, user: UserId) -> Iterator[StoredObject]:
    """All objects of the person in the bucket, by name. Raises `Unavailable`."""
    token: str | None = None
    while True:
        page, token = _page(bucket, user, token)
        yield from page
        if token is None:
            return


def _page(bucket: str, user: UserId, token: str | None) -> tuple[list[StoredObject], str | None]:
    def fetch() -> tuple[list[StoredObject], str | None]:
        found = _client().list_blobs(
            bucket_name(bucket),
            prefix=prefix(user),
            max_results=PAGE,
            page_token=token,
            timeout=_timeout(),
            retry=None,
        )
        blobs = next(found.pages, ())
        return [_described(parsed(user, blob.name), blob) for blob in blobs], found.next_page_token

    return _run(fetch)


def _chunk(blob: "Blob", first: int, last: int) -> bytes:
    def fetch() -> bytes:
        return bytes(
            blob.download_as_bytes(
                start=first, end=last, raw_download=True, timeout=_timeout(), retry=None, checksum=None
            )
        )

    chunk = _run(fetch)
    if len(chunk) != last - first + 1:
        raise Unavailable("A chunk came incomplete")
    return chunk


def _write(bucket: str, name: ObjectName, content: bytes, content_type: str, generation: int) -> StoredObject:
    """The object carries the name of this write, so that an attempt that only seemed to fail is known again."""
    write = ids.new("wrt")
    attempts = 0

    def attempt() -> StoredObject:
        nonlocal attempts
        attempts += 1
        blob = _blob(bucket, name)
        blob.metadata = {_WRITE: write}
        try:
            blob.upload_from_string(
                content,
                content_type=content_type,
                if_generation_match=generation,
                checksum="crc32c",
                timeout=_timeout(),
                retry=None,
            )
        except google_errors.PreconditionFailed:
            if attempts == 1:
                raise
            blob.reload(timeout=_timeout(), retry=None)
            if (blob.metadata or {}).get(_WRITE) != write:
                raise
        return _described(name, blob)

    return _run(attempt)


def _run(attempt: Callable[[], _T]) -> _T:
    """The result, after further attempts at what fails in passing; what goes wrong as one of our own problems."""

    def translated() -> _T:
        try:
            return attempt()
        except Exception as error:
            raise _problem(error) from error

    return retry.run(
        translated,
        spending=retry.budget("storage"),
        pause_before_retry=lambda error: timedelta() if isinstance(error, Unavailable) else None,
    )


def _problem(error: Exception) -> Problem:
    if isinstance(error, google_errors.NotFound) and _NO_OBJECT in str(error):
        return NotFound("There is no such object")
    if isinstance(error, google_errors.PreconditionFailed):
        return ChangedMeanwhile()
    if isinstance(error, google_errors.Forbidden) and any(text in str(error) for text in _KEPT):
        return Retained()
    if isinstance(error, requests.RequestException):
        return Unavailable(f"Cloud Storage cannot be reached: {type(error).__name__}")
    return problems.problem(error)


def _described(name: ObjectName, blob: "Blob") -> StoredObject:
    return StoredObject(
        name=name,
        generation=int(blob.generation),
        size=int(blob.size),
        content_type=str(blob.content_type),
        created=blob.time_created,
        crc32c=str(blob.crc32c),
    )


def _blob(bucket: str, name: ObjectName, generation: int | None = None) -> Any:
    return _client().bucket(bucket_name(bucket)).blob(str(name), generation=generation)


def _timeout() -> float:
    """Seconds, of which none are beyond the deadline. Raises `DeadlineExceeded`."""
    return deadline.current().seconds(LONGEST_CALL)


@cache
def _client() -> "Client":
    from google.cloud.storage import Client

    endpoint = load(StorageSettings).storage_endpoint
    return Client(credentials=own_account(), client_options={"api_endpoint": endpoint})
