"""Prices: those in force at the time of the event, exact, and rounded once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import settings
from lib.usage import rate_card
from lib.usage.models import Micros, Tokens
from lib.usage.rate_card import Rate, RateSettings, UnknownPrice, price


@pytest.fixture(scope="module", autouse=True)
def _rows() -> Iterator[None]:
    def row(day: date, output: int) -> Rate:
        return Rate(
            model="m",
            effective_from=day,
            input=Micros(1),
            cached_input=Micros(1),
            cache_write=Micros(1),
            output=Micros(output),
        )

    settings._loaded[RateSettings] = RateSettings(rate_card=[row(date(2026, 1, 1), 10), row(date(2026, 6, 1), 20)])
    rate_card._card.cache_clear()
    yield
    settings._loaded.pop(RateSettings)
    rate_card._card.cache_clear()


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 5, 31, 23, 59, tzinfo=UTC), 10),
        (datetime(2026, 6, 1, 0, 0, tzinfo=UTC), 20),
    ],
)
def test_the_row_in_force_at_the_time_counts(at: datetime, expected: int) -> None:
    assert price("m", Tokens(output=1_000_000), at) == expected


def test_a_model_without_a_price_is_not_priced() -> None:
    with pytest.raises(UnknownPrice):
        price("m", Tokens(output=1), datetime(2025, 12, 31, tzinfo=UTC))


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_rounding_loses_at_most_half_a_micro(tokens_in: int, tokens_out: int) -> None:
    cost = price("m", Tokens(input=tokens_in, output=tokens_out), datetime(2026, 7, 1, tzinfo=UTC))
    assert abs(cost * 1_000_000 - (tokens_in + 20 * tokens_out)) <= 500_000
