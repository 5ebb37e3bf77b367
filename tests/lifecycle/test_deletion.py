"""Somebody who wants to go: asked for by a signed request, undone within the grace period, and then nothing is left."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import requests

from lib.core.store import Global, UserId, global_document
from lib.core.telemetry import person_hash
from lib.lifecycle.settings import LifecycleSettings
from lib.maintenance.deletion_steps import LOOKED_AT_AGAIN_AFTER, STEPS, STUCK_AFTER
from scripts.local.call import NoSuchPerson
from tests.briefly import PATIENCE_SECONDS, Briefly, Client, eventually
from tests.kept import everything

WISH = {"confirmation": "delete everything"}
GRACE = LifecycleSettings().deletion_grace
A_SECOND = timedelta(seconds=1)
FIRST = next(iter(STEPS))
MANY_SECONDS = 4 * PATIENCE_SECONDS
TROUBLES = ("kill_before", "lose_answer", "kill", "twice")
FEW_TROUBLES = ("lose_answer", "kill")


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def ask_for_deletion(person: Client) -> dict[str, Any]:
    deletion: dict[str, Any] = person.post("/users/me/deletion", WISH, 202, sensitive=True)
    return deletion


def pass_time(briefly: Briefly, duration: timedelta) -> None:
    briefly.move_clock(duration.total_seconds())


def erasure(briefly: Briefly, receipt: str) -> dict[str, Any]:
    """What the front end's server is told of an erasure, without any session."""
    answered = as_gateway(briefly, receipt)
    return dict(answered.json()) if answered.status_code == 200 else {}


def as_gateway(briefly: Briefly, receipt: str) -> requests.Response:
    return briefly.as_caller("gateway", "GET", "users", f"/erasures/{receipt}")


def test_when_the_grace_period_is_over_nothing_is_left_and_the_receipt_tells_so(
    briefly: Briefly, person: Client
) -> None:
    person.post("/chat/conversations", {"title": "To be forgotten"}, 201)
    deletion = ask_for_deletion(person)
    pass_time(briefly, GRACE - A_SECOND)
    briefly.run_schedule("begin-deletions")
    assert person.get("/users/me/deletion") == deletion
    assert as_gateway(briefly, deletion["receipt"]).status_code == 404
    pass_time(briefly, A_SECOND)
    briefly.run_schedule("begin-deletions")
    eventually(lambda: erasure(briefly, deletion["receipt"]).get("erased_at"))
    assert everything(person.user) == {}
    assert erasure(briefly, deletion["receipt"])["steps_done"] == list(STEPS)
    assert not global_document(Global.PERSON_HASHES, person_hash(person.user)).get().exists


def test_whoever_is_deleted_here_is_deleted_at_clerk_too_and_signs_in_no_more(briefly: Briefly, person: Client) -> None:
    deleted(briefly, person)
    with pytest.raises(NoSuchPerson):
        briefly.sign_up().briefly.caller.call("GET", "/users/me", person.user)


def test_what_was_still_written_is_found_later_and_then_it_is_forgotten_whose_it_was(
    briefly: Briefly, person: Client
) -> None:
    receipt = deleted(briefly, person)
    late = global_document(Global.DELETED_USERS, person_hash(person.user)).get()
    assert late.get("receipt") == receipt
    conversation = f"users/{person.user}/conversations/late"
    late.reference._client.document(conversation).set({"title": "Written by a request that was under way"})
    pass_time(briefly, LOOKED_AT_AGAIN_AFTER)
    briefly.run_schedule("continue-deletions")
    eventually(lambda: erasure(briefly, receipt)["finished_at"])
    assert everything(person.user) == {}
    kept = global_document(Global.DELETIONS, receipt).get().to_dict() or {}
    assert person.user not in str(kept)


def test_a_deletion_can_be_undone_until_it_begins(briefly: Briefly, person: Client) -> None:
    ask_for_deletion(person)
    assert person.call("DELETE", "/users/me/deletion", sensitive=True).status_code == 204
    assert person.call("GET", "/users/me/deletion").status_code == 404
    assert person.call("DELETE", "/users/me/deletion", sensitive=True).status_code == 404
    pass_time(briefly, GRACE)
    briefly.run_schedule("begin-deletions")
    other = briefly.sign_up()
    deleted(briefly, other)
    assert person.get("/users/me")["id"] == person.user


def test_asked_for_again_the_first_time_counts(briefly: Briefly, person: Client) -> None:
    first = ask_for_deletion(person)
    pass_time(briefly, timedelta(days=1))
    assert ask_for_deletion(person) == first


def test_a_deletion_is_asked_for_by_a_request_that_is_signed_over_the_words_for_it(person: Client) -> None:
    assert person.call("POST", "/users/me/deletion", WISH).status_code == 401
    wrong = person.call("POST", "/users/me/deletion", {"confirmation": "yes"}, sensitive=True)
    assert (wrong.status_code, [one["field"] for one in wrong.json()["errors"]]) == (422, ["confirmation"])
    assert person.call("GET", "/users/me/deletion").status_code == 404


@pytest.mark.parametrize("troubles", [FEW_TROUBLES, pytest.param(TROUBLES, marks=pytest.mark.long)])
def test_deletions_that_die_at_any_step_end_like_any_other(briefly: Briefly, troubles: tuple[str, ...]) -> None:
    receipts: dict[str, str] = {}
    for step, trouble in product(STEPS, troubles):
        person = briefly.sign_up()
        person.post("/chat/conversations", {"title": "To be forgotten"}, 201)
        receipts[person.user] = receipt = ask_for_deletion(person)["receipt"]
        text = f'"subject":"{receipt}","step":"{"" if step == FIRST else step}"'
        briefly.control("runner", "POST", "mishaps", {"function": "on-person", "kind": trouble, "text": text})
    pass_time(briefly, GRACE)
    briefly.run_schedule("begin-deletions")
    for user, receipt in receipts.items():
        eventually(lambda receipt=receipt: erasure(briefly, receipt).get("erased_at"), MANY_SECONDS)
        assert everything(user) == {}
        assert sorted(erasure(briefly, receipt)["steps_done"]) == sorted(STEPS)


def test_a_deletion_whose_event_was_lost_goes_on_within_the_hour(briefly: Briefly, person: Client) -> None:
    deletion = ask_for_deletion(person)
    refused = {"function": "on-person", "kind": "refuse", "text": deletion["receipt"], "times": 11}
    briefly.control("runner", "POST", "mishaps", refused)
    pass_time(briefly, GRACE)
    briefly.run_schedule("begin-deletions")
    eventually(lambda: erasure(briefly, deletion["receipt"]))
    briefly.control("runner", "DELETE", "mishaps")
    pass_time(briefly, STUCK_AFTER)
    briefly.run_schedule("continue-deletions")
    eventually(lambda: erasure(briefly, deletion["receipt"])["erased_at"])
    assert everything(person.user) == {}


def deleted(briefly: Briefly, person: Client) -> str:
    """Have the person deleted; the receipt."""
    receipt: str = ask_for_deletion(person)["receipt"]
    pass_time(briefly, GRACE)
    briefly.run_schedule("begin-deletions")
    eventually(lambda: erasure(briefly, receipt).get("erased_at"))
    return receipt


def test_nobody_is_deleted_by_anothers_wish(briefly: Briefly, person: Client) -> None:
    other = briefly.sign_up()
    before = UserId(other.user)
    deleted(briefly, person)
    assert other.get("/users/me")["id"] == before
