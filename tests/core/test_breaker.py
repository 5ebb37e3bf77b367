"""What one process learns of a dead provider, the others know within seconds: on the real Firestore emulator."""

import secrets
from datetime import timedelta

import pytest

from lib.core import breaker as breakers
from lib.core.breaker import Breaker
from lib.core.errors import Unavailable
from tests.briefly import Briefly
from tests.core.conftest import Wait


class Outage(Exception):
    """The provider is ill."""


class Refusal(Exception):
    """The provider is well, and says no."""


class Process:
    """One process's breaker; probes are made when the test says so."""

    def __init__(self, dependency: str) -> None:
        self.probing = False
        self.calls = 0
        self._breaker = Breaker(dependency, chance=lambda: 0.0 if self.probing else 1.0)

    def call(self, error: type[Exception] | None = None) -> str:
        def attempt() -> str:
            self.calls += 1
            if error is not None:
                raise error()
            return "answer"

        return self._breaker.call(attempt, is_outage=lambda raised: isinstance(raised, Outage))

    def fail(self, times: int, error: type[Exception] = Outage) -> None:
        for _ in range(times):
            with pytest.raises(error):
                self.call(error)


@pytest.fixture
def dependency(briefly: Briefly) -> str:
    return f"provider-{secrets.token_hex(6)}"


def test_a_provider_that_fails_ten_times_is_left_alone(dependency: str) -> None:
    process = Process(dependency)
    process.fail(breakers.FEWEST_FAILURES)
    with pytest.raises(Unavailable) as refused:
        process.call()
    assert process.calls == breakers.FEWEST_FAILURES
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 31


def test_other_processes_know_within_five_seconds(dependency: str, wait: Wait) -> None:
    first, second = Process(dependency), Process(dependency)
    assert second.call() == "answer"
    first.fail(breakers.FEWEST_FAILURES)
    wait(breakers.STATE_KEPT)
    with pytest.raises(Unavailable):
        second.call()
    assert second.calls == 1


def test_a_process_that_starts_in_an_outage_knows_at_once(dependency: str) -> None:
    Process(dependency).fail(breakers.FEWEST_FAILURES)
    with pytest.raises(Unavailable):
        Process(dependency).call()


def test_a_probe_that_succeeds_closes_it_for_all(dependency: str, wait: Wait) -> None:
    first, second = Process(dependency), Process(dependency)
    first.fail(breakers.FEWEST_FAILURES)
    first.probing = True
    assert first.call() == "answer"
    wait(breakers.STATE_KEPT)
    assert second.call() == "answer"


def test_a_probe_that_fails_keeps_it_open(dependency: str, wait: Wait) -> None:
    process = Process(dependency)
    process.fail(breakers.FEWEST_FAILURES)
    wait(breakers.STAYS_OPEN - timedelta(seconds=2))
    process.probing = True
    process.fail(1)
    process.probing = False
    wait(timedelta(seconds=4))
    with pytest.raises(Unavailable):
        process.call()


def test_without_probes_it_closes_by_itself(dependency: str, wait: Wait) -> None:
    process = Process(dependency)
    process.fail(breakers.FEWEST_FAILURES)
    wait(breakers.STAYS_OPEN + timedelta(seconds=1))
    assert process.call() == "answer"


def test_refusals_are_no_outage(dependency: str) -> None:
    process = Process(dependency)
    process.fail(3 * breakers.FEWEST_FAILURES, Refusal)
    assert process.call() == "answer"


def test_failures_among_many_more_successes_do_not_open_it(dependency: str) -> None:
    process = Process(dependency)
    for _ in range(2 * breakers.FEWEST_FAILURES):
        process.call()
        process.call()
        process.fail(1)
    assert process.call() == "answer"


def test_failures_of_long_ago_do_not_count(dependency: str, wait: Wait) -> None:
    process = Process(dependency)
    process.fail(breakers.FEWEST_FAILURES - 1)
    wait(breakers.WATCHED + timedelta(seconds=1))
    process.fail(1)
    assert process.call() == "answer"


def test_of_a_thousand_calls_in_an_outage_few_reach_the_provider(dependency: str) -> None:
    asked = 0
    process = Breaker(dependency)

    def attempt() -> None:
        nonlocal asked
        asked += 1
        raise Outage()

    for _ in range(1000):
        with pytest.raises((Outage, Unavailable)):
            process.call(attempt, is_outage=lambda raised: True)
    assert asked <= 110
