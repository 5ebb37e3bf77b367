"""The next model is asked only before the first token; every attempt is told."""

from datetime import timedelta

import pytest

from lib.ai.errors import ModelTruncated, NoModelAnswered
from tests.ai.asking import ANTHROPIC, OPENAI, Told, answer
from tests.local.models.running import Models

CARDS = [OPENAI, ANTHROPIC]


def attempts(told: Told) -> list[tuple[str, str]]:
    """Who was asked, and how it went."""
    return [(attempt.card.id, attempt.outcome) for attempt in told.attempts]


def test_the_first_model_answers(reached: Models) -> None:
    told = Told()
    answer(CARDS, told)
    assert told.started == [OPENAI]
    assert told.text
    assert told.completed is not None
    assert attempts(told) == [(OPENAI.id, "completed")]
    (attempt,) = told.attempts
    assert attempt.first_token is not None
    assert timedelta() < attempt.first_token <= attempt.duration


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "http", "status": 503}, "unavailable"),
        ({"kind": "http", "status": 429}, "rate_limited"),
        ({"kind": "http", "status": 400}, "rejected"),
        ({"kind": "hang"}, "timed_out"),
        ({"kind": "truncate"}, "truncated"),
        ({"kind": "error"}, "unavailable"),
    ],
)
def test_the_other_provider_answers_when_the_first_does_not_begin(
    reached: Models, fault: dict[str, object], outcome: str
) -> None:
    reached.fault(**fault)
    told = Told()
    answer(CARDS, told, first=timedelta(seconds=0.5))
    assert told.started == [ANTHROPIC]
    assert told.completed is not None
    assert attempts(told) == [(OPENAI.id, outcome), (ANTHROPIC.id, "completed")]
    assert told.attempts[0].first_token is None


def test_a_begun_answer_that_breaks_is_not_begun_again(reached: Models) -> None:
    reached.fault(kind="truncate", after_tokens=4)
    told = Told()
    with pytest.raises(ModelTruncated):
        answer(CARDS, told)
    assert told.started == [OPENAI]
    assert told.text
    assert attempts(told) == [(OPENAI.id, "truncated")]
    assert len(reached.received()) == 1


def test_if_nobody_begins_all_attempts_are_told(reached: Models) -> None:
    reached.fault(kind="http", status=500, times=2)
    told = Told()
    with pytest.raises(NoModelAnswered) as caught:
        answer(CARDS, told)
    assert told.started == []
    assert caught.value.attempts == tuple(told.attempts)
    assert attempts(told) == [(OPENAI.id, "unavailable"), (ANTHROPIC.id, "unavailable")]


def test_an_abandoned_answer_is_told_as_such(reached: Models) -> None:
    reached.set(tokens_per_second=20)
    told = Told()
    answer(CARDS, told, enough=2)
    assert attempts(told) == [(OPENAI.id, "abandoned")]


def test_an_empty_answer_is_an_answer(reached: Models) -> None:
    reached.fault(kind="empty")
    told = Told()
    answer(CARDS, told)
    assert (told.started, told.text) == ([OPENAI], "")
    assert told.completed is not None
