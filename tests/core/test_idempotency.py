"""A claim is one process's at a time, and its answer is stored with its effect: on the real Firestore emulator."""

import secrets
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

import pytest
from google.api_core.exceptions import FailedPrecondition
from pydantic import BaseModel

from lib.chat import conversations
from lib.chat.models import ConversationStart
from lib.core import idempotency
from lib.core.errors import RequestInProgress
from lib.core.idempotency import Claim, Replay
from lib.core.identity import Identity
from lib.core.store import UserId, client, compare_and_set, person
from lib.users import changing
from lib.users.changing import PreferencesChange
from tests.briefly import Briefly
from tests.core.conftest import Wait
from tests.kept import content

_T = TypeVar("_T")


class Effect(BaseModel):
    """What a room writes."""

    by: str


class Process:
    """One process that is sent the same request as the others."""

    def __init__(self, user: UserId, name: str) -> None:
        self.user, self.name = user, name
        self._context = copy_context()

    def run(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return self._context.run(work, *arguments)

    def begin(self) -> Claim | Replay:
        return self.run(idempotency.begin, self.user, "POST /things", "a-key", "/things", b"{}", 201)

    def claim(self) -> Claim:
        claimed = self.begin()
        assert isinstance(claimed, Claim)
        return claimed

    def commit(self) -> None:
        batch = client().batch()
        batch.set(effect(self.user), {"by": self.name})
        self.run(idempotency.commit, batch, Effect(by=self.name))


def effect(user: UserId) -> Any:
    return person(user).collection("effects").document("only")


@pytest.fixture
def user(briefly: Briefly) -> UserId:
    return UserId(f"user_{secrets.token_hex(13)}")


@pytest.fixture
def taken_over(user: UserId, wait: Wait) -> tuple[Process, Claim, Process, Claim]:
    """A holder that was slower than its lease, and the one that took over."""
    late, present = Process(user, "late"), Process(user, "present")
    lost = late.claim()
    wait(idempotency.LEASE)
    return late, lost, present, present.claim()


def test_a_claim_is_one_processs_until_its_lease_ends(user: UserId, wait: Wait) -> None:
    first, second = Process(user, "first"), Process(user, "second")
    first.claim()
    with pytest.raises(RequestInProgress):
        second.begin()
    wait(idempotency.LEASE)
    second.claim()
    with pytest.raises(RequestInProgress):
        Process(user, "third").begin()


def test_an_effect_has_its_answer_with_it_even_if_its_process_is_lost_right_after(user: UserId, wait: Wait) -> None:
    lost = Process(user, "lost")
    lost.claim()
    lost.commit()
    wait(idempotency.LEASE)
    assert Process(user, "next").begin() == Replay(201, {"by": "lost"})


def test_a_late_holder_commits_nothing(taken_over: tuple[Process, Claim, Process, Claim]) -> None:
    late, _, present, _ = taken_over
    with pytest.raises(RequestInProgress):
        late.commit()
    assert not effect(late.user).get().exists
    present.commit()
    assert effect(late.user).get().to_dict() == {"by": "present"}


def test_a_late_holder_gives_nothing_back(taken_over: tuple[Process, Claim, Process, Claim]) -> None:
    late, lost, present, held = taken_over
    late.run(idempotency.abandon, lost)
    with pytest.raises(RequestInProgress):
        Process(late.user, "third").begin()
    present.run(idempotency.finish, held, 201, {"by": "present"})
    assert late.begin() == Replay(201, {"by": "present"})


def test_a_late_holder_completes_nothing_and_does_not_fail(taken_over: tuple[Process, Claim, Process, Claim]) -> None:
    late, lost, present, held = taken_over
    late.run(idempotency.finish, lost, 201, {"by": "late"})
    with pytest.raises(RequestInProgress):
        Process(late.user, "third").begin()
    present.run(idempotency.finish, held, 201, {"by": "present"})
    assert late.begin() == Replay(201, {"by": "present"})


def test_an_answer_stands_though_its_claim_is_gone(user: UserId) -> None:
    process = Process(user, "only")
    claim = process.claim()
    claim.reference.delete()
    process.run(idempotency.finish, claim, 201, {})
    assert not claim.reference.get().exists


def test_who_gives_a_key_back_may_try_again(user: UserId) -> None:
    process = Process(user, "only")
    process.run(idempotency.abandon, process.claim())
    process.claim()


def test_a_write_that_others_forestalled_can_be_made_anew_under_the_same_claim(user: UserId) -> None:
    process = Process(user, "only")
    process.claim()
    effect(user).set({"by": "nobody"})
    outdated = effect(user).get()
    effect(user).set({"by": "somebody"})

    def change(snapshot: Any) -> None:
        batch = client().batch()
        compare_and_set(snapshot, {"by": "only"}, batch)
        idempotency.commit(batch, Effect(by="only"))

    with pytest.raises(FailedPrecondition):
        process.run(change, outdated)
    process.run(change, effect(user).get())
    assert process.begin() == Replay(201, {"by": "only"})


def test_a_commit_whose_answer_was_lost_is_not_taken_for_a_refusal(user: UserId) -> None:
    process = Process(user, "only")
    claim = process.claim()
    process.commit()
    claim.completed = False
    process.commit()
    assert claim.completed


def start(user: UserId) -> BaseModel:
    return conversations.start(user, ConversationStart(title="Once"))


def rename(user: UserId) -> BaseModel:
    (only,) = conversations.page(user, 2, None).conversations
    return conversations.rename(user, only.id, "Renamed")


def change_preferences(user: UserId) -> BaseModel:
    return changing.change_preferences(Identity(user, "tests"), PreferencesChange(theme="dark"))


@pytest.mark.parametrize("act", [start, rename, change_preferences])
def test_what_a_lost_process_has_done_is_answered_and_not_done_again(
    briefly: Briefly, wait: Wait, act: Callable[[UserId], BaseModel]
) -> None:
    somebody = briefly.sign_up()
    somebody.post("/chat/conversations", {}, 201)
    lost = Process(UserId(somebody.user), "lost")
    lost.claim()
    answered = lost.run(act, lost.user)
    before = content(somebody.user)
    wait(idempotency.LEASE)
    assert Process(lost.user, "next").begin() == Replay(201, answered.model_dump(mode="json"))
    assert content(somebody.user) == before
