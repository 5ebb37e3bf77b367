"""Outlook's limits for each application and mailbox, batches under them, and failures on command."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from scripts.local import clock
from scripts.local.provider.faults import Fault, FaultMatch
from scripts.local.provider.wire import Answer
from tests.local.google import ada
from tests.local.microsoft.graph_rig import IMMUTABLE, WRITING, Asked, Client, graph_of


@pytest.fixture
def client(move_clock: Callable[[timedelta], None]) -> Client:
    return Client(graph_of(*ada.people(clock.now())), ada.EMAIL, WRITING)


def slow(client: Client) -> None:
    """Let each request take a moment, so that others find it under way."""
    client.graph.throttle.limits.latency = 0.01


def part(name: str, url: str = "/me/messages?$top=1", **more: Any) -> dict[str, Any]:
    return {"id": name, "method": "GET", "url": url, **more}


def batch(client: Client, *parts: dict[str, Any]) -> Asked:
    return client.send("POST", "/$batch", {"requests": list(parts)})


def statuses(asked: Asked) -> dict[str, int]:
    assert asked.status == 200, asked.answer.body
    return {one["id"]: one["status"] for one in asked.body["responses"]}


def test_each_mailbox_and_each_application_has_places_of_its_own(client: Client) -> None:
    slow(client)
    others = (Client(client.graph, ada.BRAM), Client(client.graph, ada.EMAIL, application="another app"))

    async def everything() -> list[Answer]:
        clients = [one for one in (client, *others) for _ in range(4)]
        return await asyncio.gather(*(one.asking(one.call("GET", "/me/messages", {})) for one in clients))

    assert {answer.status for answer in asyncio.run(everything())} == {200}


def test_ten_minutes_allow_so_many_requests_and_a_refused_one_counts(
    client: Client, move_clock: Callable[[timedelta], None]
) -> None:
    client.graph.throttle.limits.requests = 2
    client.ask("/me/messages")
    move_clock(timedelta(minutes=5))
    client.ask("/me/calendars")
    refused = client.ask("/me/messages")
    assert refused.error == (429, "TooManyRequests", "Please retry again later.")
    assert 295 <= int(refused.answer.headers["Retry-After"]) <= 300
    assert client.ask("/me").status == 200
    move_clock(timedelta(minutes=5, seconds=1))
    assert client.ask("/me/messages").status == 429
    move_clock(timedelta(minutes=10))
    assert client.ask("/me/messages").status == 200


def test_a_batch_sends_its_parts_by_fours_and_stays_within_the_limit(client: Client) -> None:
    slow(client)
    asked = batch(client, *(part(str(number)) for number in range(20)))
    assert set(statuses(asked).values()) == {200}


def test_two_batches_at_once_exceed_the_limit_within_a_success(client: Client) -> None:
    slow(client)
    body = {"requests": [part(str(number)) for number in range(8)]}
    both = client.at_once(*(client.call("POST", "/$batch", {}, None, body) for _ in range(2)))
    throttled = [one for asked in both for one in asked.body["responses"] if one["status"] == 429]
    assert throttled[0]["body"]["error"]["code"] == "ApplicationThrottled"
    assert int(throttled[0]["headers"]["Retry-After"]) >= 1


def test_answers_come_in_an_order_of_their_own(client: Client) -> None:
    names = [str(number) for number in range(10)]
    found = [one["id"] for one in batch(client, *map(part, names)).body["responses"]]
    assert found != names
    assert sorted(found) == names


def test_a_part_prefers_for_itself(client: Client) -> None:
    contract = client.named("Contract", IMMUTABLE)["id"]
    path = f"/me/messages/{contract}"
    asked = batch(client, part("kept", path, headers={"Prefer": IMMUTABLE}), part("lost", path))
    assert statuses(asked) == {"kept": 200, "lost": 400}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "Invalid batch payload format"),
        ({"requests": []}, "Invalid batch payload format"),
        ({"requests": [part("a"), part("A")]}, "should be unique"),
        ({"requests": [part("a", dependsOn=["b"]), part("b")]}, "dependsOn"),
        ({"requests": [part("a", "https://graph.example/v1.0/me")]}, "relative url"),
        ({"requests": [{"method": "GET", "url": "/me"}]}, "no id"),
        ({"requests": [part("a", method="POST", body={})]}, "Content-Type"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(client: Client, body: Any, words: str) -> None:
    status, code, message = client.send("POST", "/$batch", body).error
    assert (status, code) == (400, "BadRequest")
    assert words in message


def test_an_error_has_the_form_of_graph_and_the_ids_of_the_request(client: Client) -> None:
    asked = client.ask("/me/messages", colour="red")
    inner = asked.body["error"]["innerError"]
    assert set(inner) == {"date", "request-id", "client-request-id"}
    assert inner["request-id"] == asked.answer.headers["request-id"]


def test_a_fault_meets_one_part_of_a_batch_in_the_words_of_graph(client: Client) -> None:
    match = FaultMatch(path_prefix="/v1.0/me/calendars")
    client.graph.observer.armed.append(Fault(match=match, kind="error", status=503, retry_after=7))
    asked = batch(client, part("a"), part("b", "/me/calendars"))
    assert statuses(asked) == {"a": 200, "b": 503}
    struck = next(one for one in asked.body["responses"] if one["id"] == "b")
    assert (struck["body"]["error"]["code"], struck["headers"]["Retry-After"]) == ("serviceNotAvailable", "7")
