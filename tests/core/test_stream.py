"""The streaming layer on a real socket: problems, heartbeats, and failures in the midst of a stream."""

import asyncio
import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
import uvicorn
from google.api_core.exceptions import ServiceUnavailable
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from lib.core import settings
from lib.core.errors import NotFound, TooManyRequests
from lib.core.identity import Identity
from lib.core.stream import StreamService
from scripts.openapi_document import PLACEHOLDERS

CALLER = "tasks-invoker@briefly.iam.gserviceaccount.com"
EVENT_STREAM = {"Accept": "text/event-stream"}
KEYS = PLACEHOLDERS["GATEWAY_KEYS"]


@dataclass(frozen=True)
class Event:
    id: str | None
    data: str


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a function of this kind is given, and one caller that may name a person."""
    values = {
        "GOOGLE_CLOUD_PROJECT": "briefly",
        "K_SERVICE": "stream",
        "FUNCTION_URL": "https://{name}.example",
        "GATEWAY_KEYS": KEYS,
        "CLERK_KEYS": KEYS,
        "CLERK_ISSUER": "https://clerk.example",
        "CLERK_PARTIES": "[]",
        "CALLERS": json.dumps([CALLER]),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings.forget()
    yield
    monkeypatch.undo()
    settings.forget()


async def two(last: asyncio.Event) -> AsyncIterator[Event]:
    yield Event("r:1:1", "one")
    await last.wait()
    yield Event(None, "two")


async def breaking() -> AsyncIterator[Event]:
    yield Event("r:1:1", "one")
    raise RuntimeError("in the midst")


def service_with(events: Callable[[], Any]) -> StreamService:
    async def ending() -> None:
        return

    service = StreamService(
        "Test", headers={"Content-Type": "text/event-stream"}, ending=ending, heartbeat=timedelta(seconds=0.02)
    )

    @service.get("/events")
    async def stream_events(identity: Identity, last_event_id: str | None) -> Any:
        """Events"""
        return events()

    return service


def served(service: StreamService, ask: Callable[[str], Any]) -> Any:
    """What asking leads to, while uvicorn serves at the URL that is given to it."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await service(Request(scope, receive))
        await response(scope, receive, send)

    async def serve() -> Any:
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            return await asyncio.to_thread(ask, f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            await serving

    return asyncio.run(serve())


def headers(**others: str) -> dict[str, str]:
    claims = urlsafe_b64encode(json.dumps({"email": CALLER, "email_verified": True}).encode()).decode().rstrip("=")
    return {"Authorization": f"Bearer x.{claims}.removed", "X-Briefly-Person": "user_1", **others}


def asked(service: StreamService, path: str = "/events", method: str = "GET", **others: str) -> requests.Response:
    def ask(url: str) -> requests.Response:
        return requests.request(method, url + path, headers=headers(**others), timeout=10)

    answer: requests.Response = served(service, ask)
    return answer


def test_silence_is_filled_with_comments() -> None:
    """The second event comes only when two comments were read."""
    last = asyncio.Event()

    def ask(url: str) -> list[str]:
        with requests.get(f"{url}/events", headers=headers(), stream=True, timeout=10) as answer:
            read: list[str] = []
            for raw in answer.iter_lines(chunk_size=1):
                read.append(raw.decode())
                if read.count(": still here") == 2 and not last.is_set():
                    loop.call_soon_threadsafe(last.set)
            return read

    loop: asyncio.AbstractEventLoop

    def events() -> AsyncIterator[Event]:
        nonlocal loop
        loop = asyncio.get_running_loop()
        return two(last)

    read = [line for line in served(service_with(events), ask) if line and not line.startswith(":")]
    assert read == ["retry: 500", "id: r:1:1", "data: one", "data: two"]


def test_nothing_to_send_is_204() -> None:
    answer = asked(service_with(lambda: None))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_failure_in_the_midst_ends_the_stream_and_begins_no_second_response() -> None:
    answer = asked(service_with(breaking))
    assert answer.status_code == 200
    assert answer.text == "retry: 500\n\nid: r:1:1\ndata: one\n\n"


def test_a_problem_is_a_problem_document() -> None:
    def refuse() -> None:
        raise NotFound("There is no such run")

    answer = asked(service_with(refuse), **EVENT_STREAM)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:briefly:problem:not-found"


def test_an_event_source_is_told_of_a_passing_problem_by_an_event_so_that_it_comes_back() -> None:
    def refuse() -> None:
        raise TooManyRequests("Try again in 7 s", headers={"Retry-After": "7"})

    answer = asked(service_with(refuse), **EVENT_STREAM)
    retry, data = answer.text.strip().split("\n")
    chunk = json.loads(data.removeprefix("data: "))
    assert (answer.status_code, retry) == (200, "retry: 7000")
    assert (chunk["type"], chunk["transient"]) == ("data-problem", True)
    assert chunk["data"]["type"] == "urn:briefly:problem:too-many-requests"


def test_others_are_told_of_a_passing_problem_as_such() -> None:
    def refuse() -> None:
        raise TooManyRequests("Try again in 7 s", headers={"Retry-After": "7"})

    answer = asked(service_with(refuse))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_an_outage_of_what_we_stand_on_is_said_to_pass() -> None:
    def fail() -> None:
        raise ServiceUnavailable("10.0.0.1 refused")

    answer = asked(service_with(fail))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:briefly:problem:unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_query_that_is_not_for_resuming_is_refused() -> None:
    assert asked(service_with(lambda: None), "/events?last_event_id=r:1:1").status_code == 204
    refused = asked(service_with(lambda: None), "/events?colour=red")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "colour")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_streams_are_only_read(method: str) -> None:
    answer = asked(service_with(lambda: None), method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_an_unknown_path_is_not_found() -> None:
    assert asked(service_with(lambda: None), "/nothing").status_code == 404


def test_who_may_not_name_a_person_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLERS", "[]")
    settings.forget()
    assert asked(service_with(lambda: None)).json()["type"] == "urn:briefly:problem:forbidden"
