from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core.exceptions import AlreadyExists, DeadlineExceeded, PermissionDenied
from google.cloud import secretmanager_v1

from scripts.local import clock
from scripts.local.google_cloud import GoogleCloud
from scripts.local.identity_tokens import IdentityTokens

PARENT = "projects/briefly-local"
SECRET = secretmanager_v1.Secret(replication=secretmanager_v1.Replication(automatic={}))
Client = secretmanager_v1.SecretManagerServiceClient


def arm(cloud: GoogleCloud, **fault: Any) -> requests.Response:
    wanted = {"service": "secrets", "method": "CreateSecret", **fault}
    return requests.post(f"{cloud.control.url}/_control/faults", json=wanted, timeout=5)


def create(secrets: Client, **options: Any) -> None:
    secrets.create_secret(parent=PARENT, secret_id="one", secret=SECRET, **options)


def names(secrets: Client) -> list[str]:
    return [secret.name.rpartition("/")[2] for secret in secrets.list_secrets(parent=PARENT)]


def test_an_armed_call_fails_without_effect_and_the_next_succeeds(cloud: GoogleCloud, secrets: Client) -> None:
    assert arm(cloud, code="PERMISSION_DENIED").status_code == 204
    with pytest.raises(PermissionDenied):
        create(secrets)
    assert names(secrets) == []
    create(secrets)
    assert names(secrets) == ["one"]


def test_a_timeout_after_the_commit_leaves_the_effect(cloud: GoogleCloud, secrets: Client) -> None:
    arm(cloud, after_commit=True)
    with pytest.raises(DeadlineExceeded):
        create(secrets)
    assert names(secrets) == ["one"]
    with pytest.raises(AlreadyExists):
        create(secrets)


def test_a_client_that_does_not_wait_for_a_timeout_after_the_commit_leaves_the_effect(
    cloud: GoogleCloud, secrets: Client
) -> None:
    arm(cloud, after_commit=True, delay=30)
    with pytest.raises(DeadlineExceeded):
        create(secrets, timeout=0.2, retry=None)
    assert names(secrets) == ["one"]


def test_the_metadata_server_has_no_effect_that_a_fault_could_leave(cloud: GoogleCloud) -> None:
    refused = arm(cloud, service="metadata", method="token", after_commit=True)
    assert refused.status_code == 400
    assert "after_commit" in refused.json()["error"]


def test_a_delay_longer_than_the_callers_patience_is_a_timeout_without_effect(
    cloud: GoogleCloud, secrets: Client
) -> None:
    arm(cloud, delay=30)
    with pytest.raises(DeadlineExceeded):
        create(secrets, timeout=0.2, retry=None)
    assert names(secrets) == []


def test_what_is_armed_is_listed_and_can_be_cleared(cloud: GoogleCloud, secrets: Client) -> None:
    arm(cloud, code="INTERNAL", times=5)
    url = f"{cloud.control.url}/_control/faults"
    (listed,) = requests.get(url, timeout=5).json()["faults"]
    assert (listed["method"], listed["code"], listed["times"]) == ("CreateSecret", "INTERNAL", 5)
    requests.delete(url, timeout=5)
    create(secrets)


@pytest.mark.parametrize("fault", [{"code": "NO_SUCH_CODE"}, {"times": 0}, {"delay": -1}, {"unknown": 1}])
def test_a_malformed_fault_is_refused(cloud: GoogleCloud, fault: dict[str, Any]) -> None:
    assert arm(cloud, **fault).status_code == 400
    assert cloud.faults.armed == []


def test_the_signing_keys_are_where_google_publishes_its_own(cloud: GoogleCloud) -> None:
    published = requests.get(f"{cloud.control.url}/oauth2/v3/certs", timeout=5).json()
    assert published == cloud.tokens.jwks()
    assert "d" not in published["keys"][0]


def test_two_readers_of_one_key_file_sign_alike(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made, read = IdentityTokens.from_file(path), IdentityTokens.from_file(path)
    assert made.jwks() == read.jwks()
    assert path.stat().st_mode & 0o077 == 0


def test_a_clock_without_its_file_cannot_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOCK_OFFSET_FILE", raising=False)
    with pytest.raises(RuntimeError, match="CLOCK_OFFSET_FILE"):
        clock.move(clock.offset())
