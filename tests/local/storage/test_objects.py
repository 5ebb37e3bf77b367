"""Objects as the official client sees them: preconditions, retention and holds, ranges, lists, and who may."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import pytest
import requests
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    NotFound,
    NotModified,
    PreconditionFailed,
    RequestRangeNotSatisfiable,
    ServiceUnavailable,
)
from google.cloud.storage import Blob

from scripts.local import clock
from scripts.local.project import bucket
from tests.storage_rig import READER, RETENTION, STRANGER, StorageRig

WRONG = 7
Change = Callable[[Blob, int], object]


def stored(blob: Blob, content: bytes = b"content", **options: object) -> int:
    """Store it; its generation."""
    blob.upload_from_string(content, content_type="text/plain", **options)
    return int(blob.generation)


def test_what_is_stored_is_described_and_read(blob: Blob) -> None:
    blob.metadata = {"colour": "green"}
    stored(blob)
    found = blob.bucket.get_blob(blob.name)
    assert found is not None
    assert (found.size, found.content_type, found.metadata) == (7, "text/plain", {"colour": "green"})
    assert (found.metageneration, found.generation) == (1, blob.generation)
    assert found.download_as_bytes() == b"content"


def test_a_range_is_all_that_is_sent(blob: Blob) -> None:
    stored(blob, b"0123456789")
    assert blob.download_as_bytes(start=2, end=4) == b"234"
    assert blob.download_as_bytes(start=7) == b"789"
    with pytest.raises(RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=10)


def test_a_list_has_pages_and_folders(rig: StorageRig) -> None:
    folder, files = f"list-{secrets.token_hex(4)}/", rig.bucket()
    for name in ("a", "b", "c/d"):
        stored(files.blob(folder + name))
    found = rig.client().list_blobs(files.name, prefix=folder, delimiter="/", page_size=1)
    assert [blob.name for blob in found] == [f"{folder}a", f"{folder}b"]
    assert found.prefixes == {f"{folder}c/"}


def test_what_is_not_there_is_not_found(blob: Blob) -> None:
    for attempt in (blob.download_as_bytes, blob.reload, blob.delete, blob.patch):
        with pytest.raises(NotFound):
            attempt()


def overwrite(blob: Blob, generation: int) -> object:
    return stored(blob, b"new", if_generation_match=generation)


def overwrite_by_session(blob: Blob, generation: int) -> object:
    blob.chunk_size = 256 * 1024
    return stored(blob, b"x" * 300_000, if_generation_match=generation)


def patch(blob: Blob, generation: int) -> object:
    blob.metadata = {"a": "b"}
    return blob.patch(if_generation_match=generation)


def delete(blob: Blob, generation: int) -> object:
    return blob.delete(if_generation_match=generation)


def copy_onto(blob: Blob, generation: int) -> object:
    source = blob.bucket.blob(f"source-{secrets.token_hex(4)}")
    stored(source)
    return blob.bucket.copy_blob(source, blob.bucket, blob.name, if_generation_match=generation)


def rewrite_onto(blob: Blob, generation: int) -> object:
    source = blob.bucket.blob(f"source-{secrets.token_hex(4)}")
    stored(source)
    return blob.rewrite(source, if_generation_match=generation)


def copy_from(blob: Blob, generation: int) -> object:
    name = f"copy-{secrets.token_hex(4)}"
    return blob.bucket.copy_blob(blob, blob.bucket, name, if_source_generation_match=generation)


def compose_onto(blob: Blob, generation: int) -> object:
    parts = [blob.bucket.blob(f"part-{secrets.token_hex(4)}") for _ in range(2)]
    for part in parts:
        stored(part)
    return blob.compose(parts, if_generation_match=generation)


CHANGES = [overwrite, overwrite_by_session, patch, delete, copy_onto, rewrite_onto, copy_from, compose_onto]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_happens_only_to_the_generation_that_it_names(blob: Blob, change: Change) -> None:
    generation = stored(blob)
    with pytest.raises(PreconditionFailed):
        change(blob, WRONG)
    blob.reload()
    assert (blob.generation, blob.metageneration) == (generation, 1)
    change(blob, generation)


def test_what_must_not_exist_is_created_once(blob: Blob) -> None:
    stored(blob, if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        stored(blob, b"other", if_generation_match=0)
    assert blob.download_as_bytes() == b"content"


def test_of_many_who_create_the_same_at_once_one_succeeds(rig: StorageRig, blob: Blob) -> None:
    def create(number: int) -> bool:
        own = rig.client().bucket(blob.bucket.name).blob(blob.name)
        try:
            own.upload_from_string(b"%d" % number, if_generation_match=0)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(create, range(8)))
    assert created.count(True) == 1
    assert blob.download_as_bytes() == b"%d" % created.index(True)


def test_a_change_of_metadata_is_another_metageneration(blob: Blob) -> None:
    stored(blob)
    blob.metadata = {"a": "b"}
    blob.patch(if_metageneration_match=1)
    assert blob.metageneration == 2
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=1)
    with pytest.raises(PreconditionFailed):
        blob.delete(if_metageneration_not_match=2)


def test_a_reader_names_the_generation_that_it_wants_or_has(blob: Blob) -> None:
    generation = stored(blob)
    with pytest.raises(PreconditionFailed):
        blob.download_as_bytes(if_generation_match=WRONG)
    with pytest.raises(NotModified):
        blob.download_as_bytes(if_generation_not_match=generation)
    assert blob.download_as_bytes(if_generation_not_match=WRONG) == b"content"


def test_what_is_composed_is_all_of_its_parts(blob: Blob) -> None:
    parts = [blob.bucket.blob(f"part-{secrets.token_hex(4)}") for _ in range(3)]
    for number, part in enumerate(parts):
        stored(part, b"%d" % number)
    blob.compose(parts)
    assert (blob.download_as_bytes(), blob.component_count, blob.md5_hash) == (b"012", 3, None)


def test_more_than_32_parts_are_not_composed(blob: Blob) -> None:
    with pytest.raises(BadRequest):
        blob.compose([blob.bucket.blob("part")] * 33)


def test_bytes_that_do_not_hash_to_what_they_should_are_not_stored(blob: Blob) -> None:
    blob.md5_hash = "XUFAKrxLKna5cZ2REBfFkg=="
    with pytest.raises(BadRequest, match="MD5"):
        stored(blob, b"something else", checksum=None)
    assert not blob.exists()


@pytest.mark.parametrize("name", [".", "..", "a\nb", ".well-known/acme-challenge/x", "x" * 1025])
def test_names_that_no_object_may_have(rig: StorageRig, name: str) -> None:
    url = f"{rig.url}/upload/storage/v1/b/{bucket('files')}/o"
    answer = requests.post(
        url,
        params={"uploadType": "media", "name": name},
        data=b"x",
        headers={"Authorization": f"Bearer {rig.access_token()}"},
        timeout=5,
    )
    assert answer.status_code == 400, answer.text


def test_custom_metadata_is_at_most_8_kib(blob: Blob) -> None:
    blob.metadata = {"a": "x" * 8192}
    with pytest.raises(BadRequest):
        stored(blob)


@pytest.fixture
def kept(rig: StorageRig, move_clock: Callable[[timedelta], None]) -> Blob:
    """An object in a bucket with a retention policy."""
    blob = rig.bucket("kept").blob(secrets.token_hex(8))
    stored(blob)
    return blob


@pytest.mark.parametrize("change", [overwrite, overwrite_by_session, delete, copy_onto, rewrite_onto, compose_onto])
def test_an_object_is_kept_until_its_retention_is_over(kept: Blob, change: Change) -> None:
    generation = int(kept.generation)
    with pytest.raises(Forbidden, match="retention policy"):
        change(kept, generation)
    clock.move(RETENTION - timedelta(minutes=1))
    with pytest.raises(Forbidden, match="retention policy"):
        change(kept, generation)
    clock.move(timedelta(minutes=2))
    change(kept, generation)


def test_retention_does_not_keep_metadata(kept: Blob) -> None:
    kept.metadata = {"a": "b"}
    kept.patch()
    assert kept.metageneration == 2


def test_a_hold_keeps_an_object_as_long_as_it_is_there(blob: Blob) -> None:
    generation = stored(blob)
    blob.temporary_hold = True
    blob.patch()
    for change in (overwrite, delete):
        with pytest.raises(Forbidden, match="Temporary hold"):
            change(blob, generation)
    blob.temporary_hold = False
    blob.patch()
    blob.delete()


@pytest.mark.usefixtures("move_clock")
def test_retention_begins_when_an_event_based_hold_ends(rig: StorageRig) -> None:
    blob = rig.bucket("on-hold").blob(secrets.token_hex(8))
    stored(blob)
    assert (blob.event_based_hold, blob.retention_expiration_time) == (True, None)
    clock.move(2 * RETENTION)
    with pytest.raises(Forbidden, match="Event-Based hold"):
        blob.delete()
    blob.event_based_hold = False
    blob.patch()
    with pytest.raises(Forbidden, match="retention policy"):
        blob.delete()
    clock.move(RETENTION + timedelta(minutes=1))
    blob.delete()


def attempts(blob: Blob) -> list[Callable[[], object]]:
    return [
        lambda: stored(blob),
        blob.download_as_bytes,
        blob.delete,
        blob.patch,
        lambda: list(blob.bucket.list_blobs()),
    ]


def test_an_account_that_does_not_use_the_bucket_may_nothing(rig: StorageRig, blob: Blob) -> None:
    stored(blob)
    theirs = rig.bucket("files", STRANGER).blob(blob.name)
    for attempt in attempts(theirs):
        with pytest.raises(Forbidden, match=f"{STRANGER} does not have storage.objects"):
            attempt()


def test_a_reader_of_a_bucket_reads_and_lists_and_does_no_more(rig: StorageRig, blob: Blob) -> None:
    stored(blob)
    bucket_as_read = rig.bucket("files", READER)
    theirs = bucket_as_read.blob(blob.name)
    assert theirs.download_as_bytes() == b"content"
    assert blob.name in {one.name for one in bucket_as_read.list_blobs()}
    for attempt in (
        lambda: theirs.upload_from_string(b"other"),
        theirs.delete,
        lambda: theirs.update_storage_class("NEARLINE"),
    ):
        with pytest.raises(Forbidden, match=f"{READER} does not have storage.objects"):
            attempt()


def test_nothing_is_copied_out_of_or_into_what_one_may_not_use(rig: StorageRig, blob: Blob) -> None:
    stored(blob)
    foreign = rig.bucket("of-others")
    with pytest.raises(Forbidden, match=r"storage\.objects\.create"):
        blob.bucket.copy_blob(blob, foreign, "copied")
    with pytest.raises(Forbidden, match=r"storage\.objects\.get"):
        foreign.copy_blob(foreign.blob("secret"), blob.bucket, "copied")


def test_who_uses_a_bucket_does_not_administer_it(rig: StorageRig) -> None:
    files = rig.bucket()
    for attempt in (files.reload, files.patch, files.delete):
        with pytest.raises(Forbidden, match=r"storage\.buckets"):
            attempt()


def test_a_bucket_that_there_is_not_is_not_found(rig: StorageRig) -> None:
    with pytest.raises(NotFound, match="bucket does not exist"):
        rig.bucket("none").blob("a").upload_from_string(b"")


@pytest.mark.parametrize("token", [None, "ya29.forged"])
def test_without_a_token_that_was_issued_nothing_is_answered(rig: StorageRig, blob: Blob, token: str | None) -> None:
    stored(blob)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(f"{rig.url}{blob.path}".replace("/b/", "/storage/v1/b/"), headers=headers, timeout=5)
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0]["location"] == "Authorization"


@pytest.mark.usefixtures("move_clock")
def test_a_token_is_over_after_an_hour(rig: StorageRig) -> None:
    token = rig.access_token()

    def status() -> int:
        url = f"{rig.url}/storage/v1/b/{bucket('files')}/o"
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code

    clock.move(timedelta(minutes=59))
    assert status() == 200
    clock.move(timedelta(minutes=2))
    assert status() == 401


def test_a_refusal_is_worded_as_googles(rig: StorageRig, blob: Blob) -> None:
    url = f"{rig.url}/storage/v1/b/{bucket('files')}/o/none"
    answer = requests.get(url, headers={"Authorization": f"Bearer {rig.access_token()}"}, timeout=5)
    message = f"No such object: {bucket('files')}/none"
    expected = {"code": 404, "message": message}
    entry = {"message": message, "domain": "global", "reason": "notFound"}
    assert json.loads(answer.text) == {"error": expected | {"errors": [entry]}}


def test_it_fails_on_command(rig: StorageRig, blob: Blob) -> None:
    rig.cloud.faults.arm("storage", "objects.insert", code=grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(ServiceUnavailable):
        blob.upload_from_string(b"content", retry=None)
    assert not blob.exists()


def test_it_fails_on_command_after_the_effect(rig: StorageRig, blob: Blob) -> None:
    rig.cloud.faults.arm("storage", "objects.insert", code=grpc.StatusCode.UNAVAILABLE, after_commit=True)
    with pytest.raises(ServiceUnavailable):
        blob.upload_from_string(b"content", retry=None)
    assert blob.download_as_bytes() == b"content"
