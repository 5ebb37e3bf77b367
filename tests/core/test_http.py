"""The HTTP layer over WSGI: outages of what we stand on, and what a route does not take."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from flask import Request
from google.api_core import exceptions as google
from google.auth.exceptions import DefaultCredentialsError, TransportError
from pydantic import BaseModel
from werkzeug.test import Client, TestResponse

from lib.core.http import Admits, Service
from scripts.openapi_document import placeholder_environment

OUTAGES = [
    google.ServiceUnavailable("10.0.0.1 refused"),
    google.DeadlineExceeded("10.0.0.1 hangs"),
    google.ResourceExhausted("10.0.0.1 is full"),
    google.InternalServerError("10.0.0.1 is ill"),
    google.Aborted("10.0.0.1 is contended"),
    google.RetryError("10.0.0.1 was asked often", None),
    TransportError("the metadata server is gone"),
    DefaultCredentialsError("the metadata server is gone"),
]
OURS = [google.PermissionDenied("no"), google.InvalidArgument("no"), ValueError("no"), KeyError("no")]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with placeholder_environment("test", {}):
        yield


class Loose(BaseModel):
    """Takes any field."""


def served(error: Exception | None = None) -> Client:
    """A service whose one route, which takes no query, raises the error."""
    service = Service("Test", admits=Admits.ANYONE)

    @service.get("/")
    def read() -> None:
        """Read"""
        if error is not None:
            raise error

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return service(Request(environ))(environ, start_response)

    return Client(application)


def token_of(account: str) -> str:
    """A caller's token as it comes through Cloud Run: checked, and without its signature."""
    claims = json.dumps({"email": f"{account}@briefly.iam.gserviceaccount.com", "email_verified": True})
    return f"Bearer e30.{urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.SIGNATURE_REMOVED_BY_GOOGLE"


def problem(answer: TestResponse) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(json.loads(answer.text)["type"]).rpartition(":")[2]


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_an_outage_of_what_we_stand_on_is_said_to_pass(error: Exception) -> None:
    answer = served(error).get("/")
    assert (answer.status_code, problem(answer)) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert str(error) not in answer.text


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_what_is_our_own_fault_is_not_said_to_pass(error: Exception) -> None:
    answer = served(error).get("/")
    assert (answer.status_code, problem(answer)) == (500, "internal-error")


def test_a_query_that_a_route_does_not_take_is_refused() -> None:
    assert served().get("/").status_code == 204
    answer = served().get("/?colour=red")
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")


def test_a_doubled_slash_is_no_redirect() -> None:
    answer = served().get("/a//b")
    assert (answer.status_code, problem(answer)) == (404, "not-found")


@pytest.mark.parametrize("part", ["query", "body"])
def test_a_model_that_lets_unknown_fields_pass_is_no_route(part: str) -> None:
    def handler(**parts: Any) -> None:
        """Take anything"""

    handler.__annotations__ = {part: Loose}
    with pytest.raises(TypeError, match="Loose has to be Strict"):
        Service("Test", admits=Admits.ANYONE).post("/")(handler)


@pytest.mark.parametrize(("account", "status"), [("tasks-invoker", 204), ("function-mail", 403), ("gateway", 403)])
def test_a_route_for_tasks_admits_no_other_caller_of_its_service(account: str, status: int) -> None:
    service = Service("Test", admits=Admits.NAMING_CALLERS)

    @service.post("/sweeps", status=204, admits=Admits.TASKS)
    def sweep() -> None:
        """Sweep"""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return service(Request(environ))(environ, start_response)

    answer = Client(application).post("/sweeps", headers={"Authorization": token_of(account)})
    assert answer.status_code == status
