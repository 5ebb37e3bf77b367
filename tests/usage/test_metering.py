"""What is used is counted once, however often it is told, and shows where the person looks for it."""

import json
from typing import Any

import pytest
import requests
from google.api_core.exceptions import DeadlineExceeded

from lib.core.events import publish
from lib.core.telemetry import person_hash
from lib.usage import recording
from lib.usage.models import Micros, ModelUsed, Tokens
from tests.asking import answer, ask
from tests.briefly import READING_MAIL, Briefly, Client, eventually
from tests.kept import everything
from tests.model_use import used


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def pushes(briefly: Briefly, text: str) -> list[dict[str, Any]]:
    """What was pushed to the counter with this text in it."""
    told = briefly.control("push", "GET", "pushes")["pushes"]
    return [push for push in told if push["function"] == "on-usage" and text in push["data"]]


def delivered(briefly: Briefly, text: str, times: int = 1) -> list[dict[str, Any]]:
    """Wait until so many pushes with this text were taken."""

    def look() -> list[dict[str, Any]] | None:
        found = [push for push in pushes(briefly, text) if push["outcome"] == "delivered"]
        return found if len(found) >= times else None

    return eventually(look)


def model_costs(person: Client) -> list[int]:
    return [event["cost"] for event in person.get("/usage/models")["events"]]


def test_an_event_that_is_delivered_again_is_counted_once(briefly: Briefly, person: Client) -> None:
    event = used(person.user)
    publish(recording.TOPIC, event, kind="model")
    (push,) = delivered(briefly, event.id)
    repeated = requests.post(f"{briefly.state.push_control}/_control/pushes/{push['message_id']}/repeat", timeout=10)
    assert repeated.status_code == 202
    publish(recording.TOPIC, event, kind="model")
    last = used(person.user, cost=Micros(40))
    publish(recording.TOPIC, last, kind="model")
    delivered(briefly, event.id, times=2)
    delivered(briefly, last.id)
    assert sorted(model_costs(person)) == [40, 500]
    (day,) = person.get("/usage/")["days"]
    assert (day["models"]["local-extractive"]["answers"], day["cost"]) == (2, 540)
    assert person.get("/usage/limits")["model_spend_per_day"]["committed"] == 540


@pytest.mark.parametrize("arrives", [False, True])
def test_what_pubsub_does_not_take_is_counted_all_the_same_and_once(
    briefly: Briefly, person: Client, arrives: bool
) -> None:
    def failing(topic: str, event: ModelUsed, **attributes: str) -> None:
        if arrives:
            publish(topic, event, **attributes)
        raise DeadlineExceeded("after commit")

    event = used(person.user)
    recording.tell(event, failing)
    assert model_costs(person) == [500]
    if arrives:
        delivered(briefly, event.id)
    assert person.get("/usage/limits")["model_spend_per_day"]["committed"] == 500


def test_what_a_model_used_is_counted_by_kind(briefly: Briefly, person: Client) -> None:
    tokens = Tokens(input=10, cached_input=5, cache_write=2, output=4)
    first, second = (
        used(person.user, tokens=tokens),
        used(person.user, outcome="failed", cost=Micros(0), tokens=Tokens()),
    )
    for event in (first, second):
        publish(recording.TOPIC, event, kind="model")
        delivered(briefly, event.id)
    counters = person.get("/usage/")["days"][0]["models"]["local-extractive"]
    assert counters == {
        "answers": 2,
        "succeeded": 1,
        "input_tokens": 17,
        "output_tokens": 4,
        "cost": 500,
        "duration_ms": 24,
    }


def test_every_request_is_counted_once(briefly: Briefly, person: Client) -> None:
    for _ in range(3):
        assert person.call("GET", "/chat/conversations").status_code == 200
    assert person.call("GET", "/chat/runs/nothing").status_code == 422
    name = person_hash(person.user)
    told = eventually(lambda: [one for one in pushes(briefly, name) if '"chat"' in one["data"]][:4][3:])
    assert told
    chat = [
        push
        for push in delivered(briefly, name, times=4)
        if json.loads(push["data"])["jsonPayload"]["function"] == "chat"
    ]
    for push in chat:
        briefly.control("push", "POST", f"pushes/{push['message_id']}/repeat")
    event = used(person.user)
    publish(recording.TOPIC, event, kind="model")
    delivered(briefly, event.id)
    calls = eventually(lambda: all_counted(person, 4))
    assert (calls["count"], calls["failed"]) == (4, 0)
    assert calls["duration_ms"] > 0


def test_what_functions_ask_of_each_other_for_a_person_is_no_request_of_the_person(
    briefly: Briefly, person: Client
) -> None:
    wish = {"account_id": person.connect_google(), "purpose": "read mail", "scopes": [READING_MAIL["google"]]}
    assert briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish).status_code == 200
    person.get("/usage/limits")
    name = person_hash(person.user)

    def functions() -> set[str]:
        return {json.loads(push["data"])["jsonPayload"]["function"] for push in pushes(briefly, name)}

    eventually(lambda: "usage" in functions())
    assert "tokens" not in functions()


def all_counted(person: Client, count: int) -> dict[str, Any] | None:
    """The day's calls of `chat`, when they are as many."""
    days = person.get("/usage/")["days"]
    calls: dict[str, Any] | None = days[0]["calls"].get("chat") if days else None
    return calls if calls and calls["count"] >= count else None


def test_what_an_answer_cost_is_told_and_taken_from_the_budget(person: Client) -> None:
    _, posted = ask(person, "What is on?")
    read = answer(person, posted["run"]["id"])
    told = next(event.document for event in read if event.type == "message-metadata")["messageMetadata"]
    (event,) = eventually(lambda: person.get("/usage/models")["events"])
    assert event["cost"] == told["cost_micros"] > 0
    assert person.get("/usage/limits")["model_spend_per_day"]["committed"] == event["cost"]
    assert person.get("/usage/")["cost"] == event["cost"]
    left = [path for path in everything(person.user) if "/spend_reservations/" in path]
    assert left == []


def test_calls_of_models_come_in_pages_newest_first(briefly: Briefly, person: Client) -> None:
    events = [used(person.user, cost=Micros(cost)) for cost in (1, 2, 3)]
    for event in events:
        publish(recording.TOPIC, event, kind="model")
    delivered(briefly, person.user, times=3)
    first = person.get("/usage/models?limit=2")
    rest = person.get(f"/usage/models?limit=2&cursor={first['next_cursor']}")
    assert [event["cost"] for event in first["events"] + rest["events"]] == [3, 2, 1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("span", ["first=2026-02-02&last=2026-02-01", "first=0001-01-01"])
def test_a_span_of_days_that_cannot_be_told_is_refused(person: Client, span: str) -> None:
    assert person.get(f"/usage/?{span}", 422)["type"] == "urn:briefly:problem:invalid-request"


def test_a_span_may_reach_back_to_the_first_of_all_days(person: Client) -> None:
    assert person.get("/usage/?last=0001-01-05")["days"] == []
