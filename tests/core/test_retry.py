"""Retries are few, patient, and never make an outage worse."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import deadline, retry
from lib.core.retry import RetryBudget


class Passing(Exception):
    """May be gone the next time."""


class Lasting(Exception):
    """Will not."""


class Dependency:
    """Fails so many times, then answers; counts how often it was asked and how long was waited in between."""

    def __init__(self, failures: int, error: type[Exception] = Passing) -> None:
        self.failures, self.error = failures, error
        self.asked = 0
        self.pauses: list[float] = []

    def answer(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise self.error()
        return "answer"


def _pause(asked: timedelta = timedelta()) -> Callable[[Exception], timedelta | None]:
    return lambda error: asked if isinstance(error, Passing) else None


def _run(dependency: Dependency, budget: RetryBudget, asked: timedelta = timedelta()) -> str:
    return retry.run(
        dependency.answer, spending=budget, pause_before_retry=_pause(asked), sleep=dependency.pauses.append
    )


def _rich() -> RetryBudget:
    budget = RetryBudget()
    for _ in range(200):
        budget.earn()
    return budget


def test_what_fails_in_passing_is_tried_again() -> None:
    dependency = Dependency(failures=2)
    assert _run(dependency, _rich()) == "answer"
    assert dependency.asked == 3


def test_what_keeps_failing_is_given_up_after_three_attempts() -> None:
    dependency = Dependency(failures=9)
    with pytest.raises(Passing):
        _run(dependency, _rich())
    assert dependency.asked == 3


def test_what_will_fail_again_is_not_tried_again() -> None:
    dependency = Dependency(failures=1, error=Lasting)
    with pytest.raises(Lasting):
        _run(dependency, _rich())
    assert dependency.asked == 1


def test_pauses_grow_and_are_as_long_as_the_dependency_asks() -> None:
    dependency = Dependency(failures=2)
    _run(dependency, _rich(), asked=timedelta(seconds=3))
    assert 3.0 <= dependency.pauses[0] <= 3.2
    assert 3.0 <= dependency.pauses[1] <= 3.4


def test_a_pause_that_outlasts_the_deadline_is_not_begun() -> None:
    dependency = Dependency(failures=1)
    with deadline.within(timedelta(seconds=2)), pytest.raises(Passing):
        _run(dependency, _rich(), asked=timedelta(seconds=3))
    assert (dependency.asked, dependency.pauses) == (1, [])


def test_a_fresh_process_may_repeat_its_first_call() -> None:
    assert _run(Dependency(failures=1), RetryBudget()) == "answer"


@given(st.integers(10, 400))
def test_in_an_outage_there_are_at_most_a_tenth_more_attempts_than_calls(calls: int) -> None:
    budget, dependency = RetryBudget(), Dependency(failures=10**9)
    for _ in range(calls):
        with pytest.raises(Passing):
            _run(dependency, budget)
    assert dependency.asked <= calls * 1.1


@given(st.lists(st.booleans(), min_size=10, max_size=400))
def test_good_times_save_no_more_than_ten_retries(outages: list[bool]) -> None:
    budget, asked, failing = _rich(), 0, 0
    for outage in outages:
        dependency = Dependency(failures=10**9 if outage else 0)
        try:
            _run(dependency, budget)
        except Passing:
            failing += 1
        asked += dependency.asked
    assert asked <= len(outages) * 1.1 + retry.MOST_SAVED_RETRIES
