"""What people want to be forgotten after a time is, daily; of what others want, nothing is touched."""

from datetime import timedelta

import pytest

from lib.maintenance.retention import FORGETTING
from lib.users.privacy import Kept
from tests.asking import answer, ask
from tests.briefly import Briefly, Client, eventually

DAYS = 30


@pytest.fixture
def person(briefly: Briefly) -> Client:
    """Somebody with a conversation, who is signed in anew whenever they ask."""
    person = briefly.sign_up()
    _, posted = ask(person, "What was there?")
    answer(person, posted["run"]["id"])
    eventually(lambda: person.get("/usage/models")["events"])
    return person


def want(person: Client, kind: Kept) -> None:
    wish = {"privacy": {"retention_days": {kind.value: DAYS}}}
    assert person.call("PATCH", "/users/me/preferences", wish).status_code == 200


def pass_days(briefly: Briefly, days: int) -> None:
    briefly.move_clock(timedelta(days=days).total_seconds())


def test_every_kind_that_people_may_limit_is_deleted_by_somebody() -> None:
    assert set(FORGETTING) == {kind.value for kind in Kept}


def test_conversations_that_were_long_unused_are_forgotten(briefly: Briefly, person: Client) -> None:
    other = briefly.sign_up()
    kept = other.post("/chat/conversations", {"title": "Stays"}, 201)
    want(person, Kept.CONVERSATIONS)
    pass_days(briefly, DAYS)
    used = person.post("/chat/conversations", {"title": "New"}, 201)
    briefly.run_schedule("retain")
    eventually(lambda: [one["id"] for one in listed(person)] == [used["id"]])
    assert [one["id"] for one in listed(other)] == [kept["id"]]
    assert person.get("/usage/models")["events"]


def test_old_usage_is_forgotten_but_for_the_counters_of_days(briefly: Briefly, person: Client) -> None:
    want(person, Kept.USAGE_EVENTS)
    (event,) = person.get("/usage/models")["events"]
    pass_days(briefly, DAYS + 1)
    briefly.run_schedule("retain")
    eventually(lambda: not person.get("/usage/models")["events"])
    day = event["at"][:10]
    counted = person.get(f"/usage/?first={day}&last={day}")["days"]
    assert [one["models"][event["model"]]["answers"] for one in counted] == [1]
    assert listed(person)


def listed(person: Client) -> list[dict[str, str]]:
    found: list[dict[str, str]] = person.get("/chat/conversations")["conversations"]
    return found
