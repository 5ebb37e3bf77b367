"""The model of costs: its arithmetic, and that the document says what it comes to."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scripts import costs
from scripts.costs import CostModel, Load, Price, Scale

MODEL = CostModel.model_validate(yaml.safe_load(costs.MODEL.read_text(encoding="utf-8")))


def load(people: int) -> Load:
    """The model's load for so many people, each of whose requests has an instance to itself."""
    return Load(MODEL, Scale(people=people, overlap=1))


def test_a_price_is_for_so_many() -> None:
    assert Price(price=0.09, per=100_000, page="").of(200_000) == pytest.approx(0.18)


def test_what_is_paid_by_operation_grows_with_the_people() -> None:
    few, many = dict(load(1_000).costs()), dict(load(10_000).costs())
    assert many["Firestore, operations"] == pytest.approx(10 * few["Firestore, operations"])
    assert load(10_000).models == pytest.approx(10 * load(1_000).models)


def test_one_instance_of_stream_is_paid_for_without_anybody() -> None:
    assert load(0).streamed_seconds == costs.SECONDS_OF_MONTH
    assert dict(load(0).costs())["`stream`"] == pytest.approx(2_592_000 * (0.000018 + 0.000002))


@given(st.integers(0, 10_000_000), st.sampled_from(["reads", "writes", "requests", "gmail_units"]))
def test_the_busiest_hour_is_a_share_of_the_mean_day(people: int, what: str) -> None:
    one = load(people)
    in_the_hour = one.per_busy_second(one.monthly(what)) * 3600
    assert in_the_hour == pytest.approx(one.monthly(what) / 30 * MODEL.assumptions.busy_hour_share)


def test_tables_are_written_where_the_document_has_room_for_them_and_only_there() -> None:
    document = "Before.\n\n<!-- table: months -->\nold\n<!-- end -->\n\nAfter.\n"
    written = costs.written(document, MODEL)
    assert written.startswith("Before.\n\n<!-- table: months -->\n| USD a month |")
    assert written.endswith("|\n<!-- end -->\n\nAfter.\n")
    assert "old" not in written
    assert costs.written(written, MODEL) == written


def test_a_change_of_the_model_shows_in_the_document() -> None:
    dearer = MODEL.model_copy(update={"answer": MODEL.answer.model_copy(update={"output_price": 50.0})})
    document = costs.DOCUMENT.read_text(encoding="utf-8")
    assert costs.written(document, MODEL) == document
    assert costs.written(document, dearer) != document
    assert replace(load(1), model=dearer).models > load(1).models
