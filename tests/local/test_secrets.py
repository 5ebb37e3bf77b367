import asyncio
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud import secretmanager_v1

from scripts.local.google_cloud import GoogleCloud
from scripts.local.secret_volumes import SecretVolumes
from tests.local.conftest import LoopThread

PARENT = "projects/briefly-local"
SECRET = f"{PARENT}/secrets/openai-api-key"
Payload = secretmanager_v1.SecretPayload
AUTOMATIC = secretmanager_v1.Secret(replication=secretmanager_v1.Replication(automatic={}))
State: Any = secretmanager_v1.SecretVersion.State
Client = secretmanager_v1.SecretManagerServiceClient


@pytest.fixture
def stored(secrets: Client) -> Client:
    secrets.create_secret(parent=PARENT, secret_id="openai-api-key", secret=AUTOMATIC)
    secrets.add_secret_version(parent=SECRET, payload=Payload(data=b"first"))
    return secrets


def access(client: Client, version: str = "latest") -> bytes:
    data: bytes = client.access_secret_version(name=f"{SECRET}/versions/{version}").payload.data
    return data


def test_a_version_is_read_by_number_and_as_the_latest(stored: Client) -> None:
    stored.add_secret_version(parent=SECRET, payload=Payload(data=b"second"))
    assert access(stored, "1") == b"first"
    assert access(stored) == b"second"


def test_an_answer_carries_the_checksum_and_names_the_project_by_number(stored: Client) -> None:
    answer = stored.access_secret_version(name=f"{SECRET}/versions/latest")
    assert answer.payload.data_crc32c == google_crc32c.value(b"first")
    assert answer.name == "projects/100000000001/secrets/openai-api-key/versions/1"
    assert stored.access_secret_version(name=answer.name).payload.data == b"first"


def test_a_wrong_checksum_is_refused_and_stores_nothing(stored: Client) -> None:
    with pytest.raises(InvalidArgument):
        stored.add_secret_version(parent=SECRET, payload=Payload(data=b"second", data_crc32c=1))
    right = Payload(data=b"third", data_crc32c=google_crc32c.value(b"third"))
    assert stored.add_secret_version(parent=SECRET, payload=right).name.endswith("/versions/2")


def test_a_payload_has_one_byte_to_64_kib(stored: Client) -> None:
    stored.add_secret_version(parent=SECRET, payload=Payload(data=b"x" * 65536))
    for data in (b"", b"x" * 65537):
        with pytest.raises(InvalidArgument):
            stored.add_secret_version(parent=SECRET, payload=Payload(data=data))


def test_a_disabled_version_is_not_read_until_it_is_enabled(stored: Client) -> None:
    assert stored.disable_secret_version(name=f"{SECRET}/versions/1").state == State.DISABLED
    with pytest.raises(FailedPrecondition, match="DISABLED"):
        access(stored)
    stored.enable_secret_version(name=f"{SECRET}/versions/1")
    assert access(stored) == b"first"


def test_the_latest_is_the_newest_even_if_it_is_disabled(stored: Client) -> None:
    stored.add_secret_version(parent=SECRET, payload=Payload(data=b"second"))
    stored.disable_secret_version(name=f"{SECRET}/versions/2")
    with pytest.raises(FailedPrecondition):
        access(stored)
    assert access(stored, "1") == b"first"


def test_a_destroyed_version_never_comes_back(stored: Client) -> None:
    destroyed = stored.destroy_secret_version(name=f"{SECRET}/versions/1")
    assert destroyed.state == State.DESTROYED
    assert "destroy_time" in destroyed
    with pytest.raises(FailedPrecondition, match="DESTROYED"):
        access(stored, "1")
    with pytest.raises(FailedPrecondition):
        stored.enable_secret_version(name=f"{SECRET}/versions/1")


def test_names_that_exist_or_do_not_are_told_apart(stored: Client) -> None:
    with pytest.raises(AlreadyExists):
        stored.create_secret(parent=PARENT, secret_id="openai-api-key", secret=AUTOMATIC)
    with pytest.raises(InvalidArgument):
        stored.create_secret(parent=PARENT, secret_id="without-replication", secret=secretmanager_v1.Secret())
    with pytest.raises(InvalidArgument):
        stored.create_secret(parent=PARENT, secret_id="not a name", secret=AUTOMATIC)
    with pytest.raises(NotFound):
        access(stored, "2")
    with pytest.raises(NotFound):
        stored.access_secret_version(name=f"{PARENT}/secrets/none/versions/latest")
    stored.create_secret(parent=PARENT, secret_id="empty", secret=AUTOMATIC)
    with pytest.raises(NotFound):
        stored.access_secret_version(name=f"{PARENT}/secrets/empty/versions/latest")


def test_lists_are_newest_first(stored: Client) -> None:
    stored.create_secret(parent=PARENT, secret_id="clerk-webhook-secret", secret=AUTOMATIC)
    stored.add_secret_version(parent=SECRET, payload=Payload(data=b"second"))
    names = [secret.name.rpartition("/")[2] for secret in stored.list_secrets(parent=PARENT)]
    assert names == ["clerk-webhook-secret", "openai-api-key"]
    versions = stored.list_secret_versions(request={"parent": SECRET, "page_size": 1})
    assert [version.name.rpartition("/")[2] for version in versions] == ["2", "1"]


def test_a_deleted_secret_is_gone_with_its_versions(stored: Client) -> None:
    stored.delete_secret(name=SECRET)
    with pytest.raises(NotFound):
        access(stored)
    with pytest.raises(NotFound):
        stored.get_secret(name=SECRET)


def test_instances_that_start_side_by_side_find_the_same_secrets_mounted(
    loop_thread: LoopThread, cloud: GoogleCloud, stored: Client, tmp_path: Path
) -> None:
    async def mount_often() -> None:
        volumes = SecretVolumes(cloud.secrets.url)
        try:
            for start in range(30):
                folder = tmp_path / str(start)
                await asyncio.gather(*(volumes.mount(["openai-api-key"], folder) for _ in range(16)))
                assert [path.name for path in folder.iterdir()] == ["openai-api-key"]
                secret = folder / "openai-api-key"
                assert [(file.name, file.read_bytes()) for file in secret.iterdir()] == [("value", b"first")]
        finally:
            await volumes.close()

    loop_thread.run(mount_often())
