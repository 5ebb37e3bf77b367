"""What models cost: rows that are only ever added to, each in force from a day on; an event is priced at its time."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter

from lib.core.errors import Unavailable
from lib.core.settings import Settings, load
from lib.usage.models import Micros, Tokens

_MILLION = Decimal(1_000_000)


class Rate(BaseModel):
    """A model's prices in micros per million tokens, from a day (UTC) on."""

    model: str
    effective_from: date
    input: Micros
    cached_input: Micros
    cache_write: Micros
    output: Micros


class RateSettings(Settings):
    """Rows added to the card, for models of the operator's own."""

    rate_card: list[Rate] = Field(default_factory=list)


class UnknownPrice(Unavailable):
    """The card has no row for the model at that time: what cannot be priced is not called."""

    title = "This model is not available"


def price(model: str, tokens: Tokens, at: datetime) -> Micros:
    """The cost of a call at its time, rounded once, half up. Raises `UnknownPrice`."""
    rate = _rate(model, at.astimezone(UTC).date())
    exact = (
        Decimal(tokens.input) * rate.input
        + Decimal(tokens.cached_input) * rate.cached_input
        + Decimal(tokens.cache_write) * rate.cache_write
        + Decimal(tokens.output) * rate.output
    ) / _MILLION
    return Micros(int(exact.quantize(Decimal(1), ROUND_HALF_UP)))


def _rate(model: str, day: date) -> Rate:
    in_force = [row for row in _card() if row.model == model and row.effective_from <= day]
    if not in_force:
        raise UnknownPrice(f"No price is known for {model}")
    return max(in_force, key=lambda row: row.effective_from)


@cache
def _card() -> tuple[Rate, ...]:
    published = TypeAdapter(list[Rate]).validate_json(Path(__file__).with_name("rates.json").read_bytes())
    return (*published, *load(RateSettings).rate_card)
