from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scripts.local.retries import RetryPolicy

SECOND = timedelta(seconds=1)


def policy(minimum: float, maximum: float, doublings: int) -> RetryPolicy:
    return RetryPolicy(None, timedelta(), minimum * SECOND, maximum * SECOND, doublings)


def test_intervals_are_those_of_the_documented_example() -> None:
    intervals = [policy(10, 300, 3).interval(retry).total_seconds() for retry in range(1, 9)]
    assert intervals == [10, 20, 40, 80, 160, 240, 300, 300]


def test_without_doublings_intervals_grow_linearly() -> None:
    intervals = [policy(5, 60, 0).interval(retry).total_seconds() for retry in range(1, 5)]
    assert intervals == [5, 10, 15, 20]


@given(
    st.floats(0.001, 3600),
    st.floats(0, 86_400),
    st.integers(0, 100),
    st.integers(1, 10_000),
)
def test_intervals_never_shrink_and_stay_within_their_bounds(
    minimum: float, extra: float, doublings: int, retry: int
) -> None:
    chosen = policy(minimum, minimum + extra, doublings)
    assert chosen.min_backoff <= chosen.interval(retry) <= chosen.max_backoff
    assert chosen.interval(retry) <= chosen.interval(retry + 1)


def test_it_gives_up_when_every_limit_that_is_set_is_reached() -> None:
    both = RetryPolicy(3, 60 * SECOND, SECOND, SECOND, 0)
    assert not both.is_exhausted(3, 59 * SECOND)
    assert not both.is_exhausted(2, 60 * SECOND)
    assert both.is_exhausted(3, 60 * SECOND)
    assert RetryPolicy(3, timedelta(), SECOND, SECOND, 0).is_exhausted(3, timedelta())
    assert RetryPolicy(None, 60 * SECOND, SECOND, SECOND, 0).is_exhausted(1, 60 * SECOND)
    assert not RetryPolicy(None, timedelta(), SECOND, SECOND, 0).is_exhausted(10**6, 10**6 * SECOND)
