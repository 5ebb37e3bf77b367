import os
import subprocess
import sys
from datetime import timedelta

import grpc
import jwt
import pytest
import requests

from scripts.local import clock
from scripts.local.google_cloud import GoogleCloud
from scripts.local.http_endpoint import HttpEndpoint

ACCOUNT = "mail@briefly-local.iam.gserviceaccount.com"
AUDIENCE = "http://127.0.0.1:8787/tokens"
OURS = {"Metadata-Flavor": "Google"}


@pytest.fixture
def metadata(cloud: GoogleCloud) -> HttpEndpoint:
    return cloud.metadata[ACCOUNT]


def get(metadata: HttpEndpoint, path: str, headers: dict[str, str] = OURS) -> requests.Response:
    return requests.get(f"{metadata.url}/computeMetadata/v1/{path}", headers=headers, timeout=5)


def with_official_library(metadata: HttpEndpoint, program: str) -> list[str]:
    """Run a program in a process whose google-auth finds this metadata server; its words."""
    environment = {
        "PATH": os.environ["PATH"],
        "GCE_METADATA_HOST": metadata.host,
        "GCE_METADATA_IP": metadata.host,
        "HOME": "/nonexistent",
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_google_auth_fetches_an_id_token(metadata: HttpEndpoint, cloud: GoogleCloud) -> None:
    program = (
        "from google.auth.transport.requests import Request\n"
        "from google.oauth2.id_token import fetch_id_token\n"
        f"print(fetch_id_token(Request(), {AUDIENCE!r}))"
    )
    (token,) = with_official_library(metadata, program)
    key = jwt.PyJWKSet.from_dict(cloud.tokens.jwks()).keys[0]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)
    assert claims["email"] == ACCOUNT
    assert jwt.get_unverified_header(token)["kid"] == cloud.tokens.key_id


def test_google_auth_finds_the_project_and_the_account_by_default(metadata: HttpEndpoint) -> None:
    program = (
        "import google.auth\n"
        "from google.auth.transport.requests import Request\n"
        "credentials, project = google.auth.default()\n"
        "credentials.refresh(Request())\n"
        "print(project, credentials.service_account_email, bool(credentials.token))"
    )
    assert with_official_library(metadata, program) == ["briefly-local", ACCOUNT, "True"]


@pytest.mark.parametrize("headers", [{}, {"Metadata-Flavor": "Other"}, {**OURS, "X-Forwarded-For": "1.2.3.4"}])
def test_a_request_that_does_not_show_its_intent_is_refused(metadata: HttpEndpoint, headers: dict[str, str]) -> None:
    answer = get(metadata, "instance/service-accounts/default/token", headers)
    assert answer.status_code == 403
    assert "access_token" not in answer.text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("project/project-id", "briefly-local"),
        ("project/numeric-project-id", "100000000001"),
        ("instance/region", "projects/100000000001/regions/europe-west1"),
        ("instance/service-accounts/default/email", ACCOUNT),
        (f"instance/service-accounts/{ACCOUNT}/email", ACCOUNT),
    ],
)
def test_what_an_instance_can_ask_about_itself(metadata: HttpEndpoint, path: str, expected: str) -> None:
    answer = get(metadata, path)
    assert answer.text == expected
    assert answer.headers["Metadata-Flavor"] == "Google"


def test_another_account_and_an_unknown_path_are_not_found(metadata: HttpEndpoint) -> None:
    for path in ("instance/service-accounts/tokens@x.iam.gserviceaccount.com/token", "instance/none"):
        answer = get(metadata, path)
        assert answer.status_code == 404
        assert answer.headers["Metadata-Flavor"] == "Google"


def test_an_identity_needs_an_audience(metadata: HttpEndpoint) -> None:
    assert get(metadata, "instance/service-accounts/default/identity").status_code == 400


def test_a_token_expires_an_hour_after_the_moved_clock(metadata: HttpEndpoint) -> None:
    clock.move(timedelta(days=3))
    path = f"instance/service-accounts/default/identity?audience={AUDIENCE}"
    claims = jwt.decode(get(metadata, path).text, options={"verify_signature": False})
    assert abs(claims["exp"] - 3600 - clock.timestamp()) < 5


def test_it_fails_on_command(metadata: HttpEndpoint, cloud: GoogleCloud) -> None:
    cloud.faults.arm("metadata", "token", code=grpc.StatusCode.UNAVAILABLE)
    path = "instance/service-accounts/default/token"
    assert get(metadata, path).status_code == 503
    assert get(metadata, path).status_code == 200
