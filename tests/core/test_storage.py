"""Objects by the one way to them, over the wire, in a process that is an instance of the account that it runs as."""

import multiprocessing
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace as altered
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
import requests

from lib.core import signed_urls, storage
from lib.core.clock import OFFSET_FILE_VARIABLE
from lib.core.errors import DeadlineExceeded, InternalError, NotFound, Unavailable
from lib.core.object_names import ObjectName, personal
from lib.core.storage import ChangedMeanwhile, Retained
from lib.core.store import UserId
from scripts.local import clock
from tests.core.storage_work import chunks, chunks_of_one, listed, upload, with_retries_to_spare, within
from tests.local.conftest import LoopThread, eventually
from tests.storage_rig import USER, StorageRig, storage_rig

Process = Callable[..., Any]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageRig]:
    loop, folder = LoopThread(), tmp_path_factory.mktemp("storage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OFFSET_FILE_VARIABLE, str(folder / "offset"))
        with storage_rig(loop, folder) as running:
            patch.setenv("GOOGLE_CLOUD_PROJECT", "briefly-local")
            patch.setenv("K_SERVICE", "shelf")
            patch.setenv("FUNCTION_URL", "http://127.0.0.1:9/{name}")
            patch.setenv("STORAGE_ENDPOINT", running.url)
            patch.setenv("IAM_CREDENTIALS_ENDPOINT", running.cloud.iam.url)
            patch.setenv("GCE_METADATA_HOST", running.cloud.metadata[USER].host)
            patch.setenv("GCE_METADATA_IP", running.cloud.metadata[USER].host)
            yield running
    loop.stop()


@pytest.fixture(scope="module")
def pool(rig: StorageRig) -> Iterator[ProcessPoolExecutor]:
    """A process that starts in the present environment: google-auth reads it once."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def process(pool: ProcessPoolExecutor) -> Process:
    """Calls a function there, with retries to spare."""

    def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return pool.submit(with_retries_to_spare, partial(function, *arguments, **options)).result(30)

    return call


@pytest.fixture
def name() -> ObjectName:
    """Where there is nothing yet, of a person who has nothing else."""
    return personal(UserId(f"user_{secrets.token_hex(8)}"), "uploads", "upl_1")


def test_what_is_created_is_described_read_listed_and_deleted(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"content", "text/plain")
    assert (created.name, created.size, created.content_type) == (name, 7, "text/plain")
    assert process(storage.describe, "files", name) == created
    assert process(chunks, created) == [b"content"]
    assert process(listed, name.user) == [created]
    process(storage.delete, "files", name, generation=created.generation)
    with pytest.raises(NotFound):
        process(storage.describe, "files", name)
    assert process(listed, name.user) == []


def test_what_is_there_is_never_created_over(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"first", "text/plain")
    with pytest.raises(ChangedMeanwhile):
        process(storage.create, "files", name, b"second", "text/plain")
    assert process(chunks, created) == [b"first"]


def test_only_the_generation_that_was_seen_is_replaced_or_deleted(process: Process, name: ObjectName) -> None:
    first = process(storage.create, "files", name, b"first", "text/plain")
    second = process(storage.replace, "files", name, b"second", "text/html", generation=first.generation)
    with pytest.raises(ChangedMeanwhile):
        process(storage.replace, "files", name, b"third", "text/plain", generation=first.generation)
    with pytest.raises(ChangedMeanwhile):
        process(storage.delete, "files", name, generation=first.generation)
    assert process(chunks, second) == [b"second"]
    with pytest.raises(NotFound):
        process(chunks, first)


def test_what_is_gone_can_be_deleted_again(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"content", "text/plain")
    for _ in range(2):
        process(storage.delete, "files", name, generation=created.generation)


def test_a_bucket_that_there_is_not_is_an_error_of_ours_and_not_an_object_that_is_gone(
    process: Process, name: ObjectName
) -> None:
    attempts: list[Process] = [
        partial(storage.delete, "misspelt", name, generation=1),
        partial(storage.describe, "misspelt", name),
        partial(storage.create, "misspelt", name, b"content", "text/plain"),
        partial(chunks_of_one, "misspelt", name),
        partial(listed, name.user, "misspelt"),
    ]
    for attempt in attempts:
        with pytest.raises(InternalError):
            process(attempt)


def test_what_has_to_be_kept_is_neither_replaced_nor_deleted(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "kept", name, b"content", "text/plain")
    with pytest.raises(Retained):
        process(storage.replace, "kept", name, b"other", "text/plain", generation=created.generation)
    with pytest.raises(Retained):
        process(storage.delete, "kept", name, generation=created.generation)


def test_a_persons_list_holds_nothing_of_anybody_else(process: Process, name: ObjectName) -> None:
    other = personal(UserId(f"{name.user}0"), "uploads", "upl_2")
    for one in (name, other):
        process(storage.create, "files", one, b"content", "text/plain")
    assert [one.name for one in process(listed, name.user)] == [name]


def test_a_large_object_is_read_in_chunks_from_wherever(process: Process, name: ObjectName) -> None:
    content = secrets.token_bytes(9 * MIB)
    created = process(storage.create, "files", name, content, "application/zip")
    read = process(chunks, created)
    assert [len(chunk) for chunk in read] == [4 * MIB, 4 * MIB, MIB]
    assert b"".join(read) == content
    assert b"".join(process(chunks, created, 8 * MIB + 1)) == content[8 * MIB + 1 :]


def test_an_empty_object_has_no_chunks(process: Process, name: ObjectName) -> None:
    assert process(chunks, process(storage.create, "files", name, b"", "text/plain")) == []


def test_what_is_not_what_was_stored_is_noticed(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"content", "text/plain")
    with pytest.raises(Unavailable, match="not what was stored"):
        process(chunks, altered(created, crc32c="AAAAAA=="))


@pytest.mark.parametrize("after", [False, True])
def test_a_write_that_seems_to_fail_happens_once(
    rig: StorageRig, process: Process, name: ObjectName, after: bool
) -> None:
    rig.cloud.faults.arm("storage", "objects.insert", code=grpc.StatusCode.UNAVAILABLE, after_commit=after)
    created = process(storage.create, "files", name, b"content", "text/plain")
    rig.cloud.faults.arm("storage", "objects.insert", code=grpc.StatusCode.UNAVAILABLE, after_commit=after)
    changed = process(storage.replace, "files", name, b"changed", "text/plain", generation=created.generation)
    assert process(chunks, changed) == [b"changed"]


def test_what_somebody_else_wrote_between_two_attempts_is_not_taken_for_ones_own(
    rig: StorageRig, pool: ProcessPoolExecutor, name: ObjectName
) -> None:
    rig.cloud.faults.arm("storage", "objects.insert", delay=0.3, code=grpc.StatusCode.UNAVAILABLE)
    creating = pool.submit(with_retries_to_spare, partial(storage.create, "files", name, b"mine", "text/plain"))
    eventually(lambda: not rig.cloud.faults.armed)
    theirs = rig.bucket().blob(str(name))
    theirs.upload_from_string(b"theirs")
    with pytest.raises(ChangedMeanwhile):
        creating.result(30)
    assert theirs.download_as_bytes() == b"theirs"


def test_a_deletion_that_only_seems_to_fail_is_one(rig: StorageRig, process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"content", "text/plain")
    rig.cloud.faults.arm("storage", "objects.delete", code=grpc.StatusCode.UNAVAILABLE, after_commit=True)
    process(storage.delete, "files", name, generation=created.generation)
    assert process(listed, name.user) == []


def test_an_outage_is_given_up_after_three_attempts(rig: StorageRig, process: Process, name: ObjectName) -> None:
    rig.cloud.faults.arm("storage", "objects.get", times=4, code=grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(Unavailable):
        process(storage.describe, "files", name)
    assert [fault.times for fault in rig.cloud.faults.armed] == [1]
    rig.cloud.faults.clear()


def test_nothing_outlasts_the_deadline(rig: StorageRig, process: Process, name: ObjectName) -> None:
    rig.cloud.faults.arm("storage", "objects.get", delay=0.6)
    with pytest.raises(Unavailable, match="Timeout"):
        process(within, 0.2, partial(storage.describe, "files", name))
    with pytest.raises(DeadlineExceeded):
        process(within, 0, partial(storage.describe, "files", name))


def test_a_signed_download_is_a_file_whatever_it_contains(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"<script>", "text/html")
    url = process(
        signed_urls.signed_download, "files", name, generation=created.generation, file_name='Ünïts "&" more.html'
    )
    answer = requests.get(url, timeout=5)
    assert answer.content == b"<script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    disposition = "attachment; filename*=UTF-8''%C3%9Cn%C3%AFts%20%22%26%22%20more.html"
    assert answer.headers["Content-Disposition"] == disposition


def test_a_signed_download_is_for_one_generation_and_a_short_time(process: Process, name: ObjectName) -> None:
    created = process(storage.create, "files", name, b"content", "text/plain")
    url = process(signed_urls.signed_download, "files", name, generation=created.generation, file_name="a")
    assert requests.get(url, timeout=5).status_code == 200
    clock_moved = signed_urls.DOWNLOAD_VALID + timedelta(seconds=1)
    clock.move(clock_moved)
    try:
        assert requests.get(url, timeout=5).status_code == 400
        fresh = process(signed_urls.signed_download, "files", name, generation=created.generation, file_name="a")
        assert requests.get(fresh, timeout=5).status_code == 200
        process(storage.replace, "files", name, b"other", "text/plain", generation=created.generation)
        assert requests.get(fresh, timeout=5).status_code == 404
    finally:
        clock.move(-clock_moved)


def test_a_signed_upload_creates_the_object_once(process: Process, name: ObjectName) -> None:
    begun = process(upload, name)
    session = requests.post(begun.url, headers=begun.headers, timeout=5).headers["Location"]
    assert requests.put(session, b"content", timeout=5).status_code == 200
    stored = process(storage.describe, "files", name)
    assert (stored.size, stored.content_type) == (7, "image/png")
    assert requests.post(begun.url, headers=begun.headers, timeout=5).status_code == 412


@pytest.mark.parametrize(
    "change",
    [
        {"Content-Type": "text/html"},
        {"x-goog-content-length-range": "1,999999"},
        {"x-goog-if-generation-match": None},
        {"x-goog-resumable": None},
    ],
)
def test_who_holds_a_signed_upload_cannot_change_what_it_is_for(
    process: Process, name: ObjectName, change: dict[str, str | None]
) -> None:
    begun = process(upload, name)
    headers = {header: value for header, value in (begun.headers | change).items() if value is not None}
    assert requests.post(begun.url, headers=headers, timeout=5).status_code in (400, 403, 501)


@pytest.mark.parametrize("size", [0, 11])
def test_a_signed_upload_takes_no_other_size(process: Process, name: ObjectName, size: int) -> None:
    begun = process(upload, name)
    session = requests.post(begun.url, headers=begun.headers, timeout=5).headers["Location"]
    assert requests.put(session, b"x" * size, timeout=5).status_code == 400
    assert process(listed, name.user) == []


def test_a_signed_url_is_short_lived_and_for_sizes_that_there_are(name: ObjectName) -> None:
    for most, least, valid in ((10, 11, 60), (0, 0, 60), (10, 1, 0), (10, 1, 3601)):
        with pytest.raises(ValueError, match=r"sizes|short time"):
            signed_urls.signed_resumable_upload(
                "files",
                name,
                content_type="image/png",
                most_bytes=most,
                least_bytes=least,
                valid=timedelta(seconds=valid),
            )


def test_signing_survives_a_failure_in_passing(rig: StorageRig, process: Process, name: ObjectName) -> None:
    rig.cloud.faults.arm("iam", "signBlob", code=grpc.StatusCode.UNAVAILABLE)
    assert process(upload, name).url.startswith(rig.url)


@pytest.mark.parametrize(("code", "raised"), [("UNAVAILABLE", Unavailable), ("PERMISSION_DENIED", InternalError)])
def test_without_a_signature_there_is_no_url(
    rig: StorageRig, process: Process, name: ObjectName, code: str, raised: type[Exception]
) -> None:
    rig.cloud.faults.arm("iam", "signBlob", times=3, code=grpc.StatusCode[code])
    with pytest.raises(raised):
        process(upload, name)
    rig.cloud.faults.clear()


@pytest.mark.parametrize("asked", ["", "default", "token"])
def test_while_nobody_says_who_signs_there_is_no_url(rig: StorageRig, name: ObjectName, asked: str) -> None:
    """In a process that has asked the metadata server for nothing yet."""
    rig.cloud.faults.arm("metadata", asked, times=20, code=grpc.StatusCode.PERMISSION_DENIED)
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
            with pytest.raises(Unavailable, match="metadata server"):
                fresh.submit(upload, name).result(30)
            rig.cloud.faults.clear()
            assert fresh.submit(upload, name).result(30).url.startswith(rig.url)
    finally:
        rig.cloud.faults.clear()
