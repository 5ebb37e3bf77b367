"""Resumable uploads: chunk by chunk, broken off and resumed, by the official client and by a signed URL."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import requests
from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage import Blob

from scripts.local import clock
from tests.local.conftest import LoopThread
from tests.storage_rig import StorageRig

KIB = 1024
CHUNK = 256 * KIB
CONTENT = secrets.token_bytes(3 * CHUNK + 100)


def begun(rig: StorageRig, blob: Blob, **headers: str) -> str:
    """A session begun by a signed URL; its URI."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = rig.signed(blob, method="RESUMABLE", headers=dict(named))
    answer = requests.post(url, headers=named | {"x-goog-resumable": "start"}, timeout=5)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def put(session: str, content: bytes, content_range: str) -> requests.Response:
    return requests.put(session, content, headers={"Content-Range": content_range}, timeout=5)


def test_chunks_make_a_whole(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob, content_type="image/png")
    first = put(session, CONTENT[:CHUNK], f"bytes 0-{CHUNK - 1}/*")
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    last = put(session, CONTENT[CHUNK:], f"bytes {CHUNK}-{len(CONTENT) - 1}/{len(CONTENT)}")
    assert last.status_code == 200
    blob.reload()
    assert (blob.download_as_bytes(), blob.content_type) == (CONTENT, "image/png")


def test_a_whole_needs_no_range(rig: StorageRig, blob: Blob) -> None:
    assert requests.put(begun(rig, blob), b"content", timeout=5).status_code == 200
    assert blob.download_as_bytes() == b"content"


def test_how_far_it_got_can_be_asked_before_between_and_after(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob)
    question = f"bytes */{len(CONTENT)}"
    before = put(session, b"", question)
    assert (before.status_code, "Range" in before.headers) == (308, False)
    put(session, CONTENT[: 2 * CHUNK], f"bytes 0-{2 * CHUNK - 1}/{len(CONTENT)}")
    assert put(session, b"", question).headers["Range"] == f"bytes=0-{2 * CHUNK - 1}"
    put(session, CONTENT[2 * CHUNK :], f"bytes {2 * CHUNK}-{len(CONTENT) - 1}/{len(CONTENT)}")
    assert put(session, b"", question).status_code == 200


def test_a_chunk_that_is_not_the_last_has_256_kib_at_least_and_counts_in_multiples(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob)
    assert put(session, CONTENT[:100], "bytes 0-99/*").status_code == 400
    assert "Range" not in put(session, b"", "bytes */*").headers
    odd = put(session, CONTENT[: CHUNK + 100], f"bytes 0-{CHUNK + 99}/*")
    assert (odd.status_code, odd.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")


def test_a_chunk_beyond_what_came_is_refused_and_one_that_came_before_is_not_counted_twice(
    rig: StorageRig, blob: Blob
) -> None:
    session = begun(rig, blob)
    assert put(session, CONTENT[CHUNK : 2 * CHUNK], f"bytes {CHUNK}-{2 * CHUNK - 1}/*").status_code == 503
    for _ in range(2):
        put(session, CONTENT[: 2 * CHUNK], f"bytes 0-{2 * CHUNK - 1}/*")
    put(session, CONTENT[CHUNK:], f"bytes {CHUNK}-{len(CONTENT) - 1}/{len(CONTENT)}")
    assert blob.download_as_bytes() == CONTENT


@pytest.mark.parametrize("content_range", ["bytes 0-1", "bytes 5-1/9", "bytes 0-9/5", "0-9/10", "bytes 0-5/10"])
def test_a_content_range_that_means_nothing_is_refused(rig: StorageRig, blob: Blob, content_range: str) -> None:
    assert put(begun(rig, blob), b"0123456789", content_range).status_code == 400


def test_an_upload_that_is_cancelled_is_gone(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob)
    assert requests.delete(session, timeout=5).status_code == 499
    assert requests.put(session, b"content", timeout=5).status_code == 404
    assert not blob.exists()


@pytest.mark.usefixtures("move_clock")
def test_a_session_outlasts_its_signature_and_ends_after_a_week(rig: StorageRig, blob: Blob) -> None:
    session, other = begun(rig, blob), begun(rig, blob)
    clock.move(timedelta(days=6, hours=23))
    assert requests.put(session, b"content", timeout=5).status_code == 200
    clock.move(timedelta(hours=2))
    assert requests.put(other, b"other", timeout=5).status_code == 410
    assert blob.download_as_bytes() == b"content"


def test_a_session_is_good_for_its_own_object_only(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob)
    elsewhere = session.replace("/a%20folder/", "/another/")
    assert elsewhere != session
    assert requests.put(elsewhere, b"content", timeout=5).status_code == 404
    forged = session[:-1] + ("A" if session[-1] != "A" else "B")
    assert requests.put(forged, b"content", timeout=5).status_code == 404


def test_the_signed_sizes_hold_for_the_session(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob, x_goog_content_length_range="5,10")
    for content, refused in ((b"1234", "EntityTooSmall"), (b"12345678901", "EntityTooLarge")):
        answer = requests.put(begun(rig, blob, x_goog_content_length_range="5,10"), content, timeout=5)
        assert (answer.status_code, refused in answer.text) == (400, True)
    assert requests.put(session, b"12345", timeout=5).status_code == 200


def test_preconditions_hold_at_the_beginning_and_at_the_end(rig: StorageRig, blob: Blob) -> None:
    session = begun(rig, blob, x_goog_if_generation_match="0")
    blob.upload_from_string(b"was quicker")
    assert requests.put(session, b"content", timeout=5).status_code == 412
    headers = {"x-goog-if-generation-match": "0"}
    url = rig.signed(blob, method="RESUMABLE", headers=dict(headers))
    assert requests.post(url, headers=headers | {"x-goog-resumable": "start"}, timeout=5).status_code == 412


def test_the_official_client_uploads_in_chunks(rig: StorageRig, blob: Blob) -> None:
    blob.chunk_size = CHUNK
    blob.metadata = {"colour": "green"}
    blob.upload_from_string(CONTENT, content_type="image/png", if_generation_match=0)
    found = rig.bucket().get_blob(blob.name)
    assert found is not None
    assert (found.download_as_bytes(), found.metadata) == (CONTENT, {"colour": "green"})
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(CONTENT, if_generation_match=0)


@dataclass
class Line:
    """What carries connections to Cloud Storage, and breaks one off after so many bytes of a request."""

    port: int
    breaks_after: list[int]
    broken: int = 0
    carried: list[int] = field(default_factory=list)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        answering = asyncio.create_task(self._answers(there, writer))
        sent = 0
        while chunk := await reader.read(16 * KIB):
            sent += len(chunk)
            back.write(chunk)
            await back.drain()
            if self.breaks_after and sent > self.breaks_after[0]:
                self.breaks_after.pop(0)
                self.broken += 1
                break
        back.close()
        writer.close()
        self.carried.append(sent)
        await asyncio.wait({answering})

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await there.read(16 * KIB):
            if writer.is_closing():
                return
            writer.write(chunk)


@contextmanager
def line_that_breaks(loop: LoopThread, rig: StorageRig, *after: int) -> Iterator[tuple[Line, str]]:
    """A way to Cloud Storage on which connections break off after so many bytes, one after the other."""
    line = Line(rig.cloud.storage.port, list(after))
    server = loop.run(asyncio.start_server(line.carry, "127.0.0.1", 0))
    try:
        yield line, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def test_the_official_client_resumes_over_a_line_that_breaks(
    rig: StorageRig, loop_thread: LoopThread, blob: Blob
) -> None:
    with line_that_breaks(loop_thread, rig, 400 * KIB) as (line, url):
        through = rig.client(url=url).bucket(blob.bucket.name).blob(blob.name, chunk_size=2 * CHUNK)
        through.upload_from_string(CONTENT, if_generation_match=0)
        assert line.broken == 1
    assert blob.download_as_bytes() == CONTENT


def test_what_came_before_the_line_broke_is_kept_in_multiples_of_256_kib(
    rig: StorageRig, loop_thread: LoopThread, blob: Blob
) -> None:
    session = begun(rig, blob)
    with line_that_breaks(loop_thread, rig, 400 * KIB) as (_, url), pytest.raises(requests.ConnectionError):
        put(session.replace(rig.url, url), CONTENT, f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")
    assert put(session, b"", "bytes */*").headers["Range"] == f"bytes=0-{CHUNK - 1}"
    put(session, CONTENT[CHUNK:], f"bytes {CHUNK}-{len(CONTENT) - 1}/{len(CONTENT)}")
    assert blob.download_as_bytes() == CONTENT
