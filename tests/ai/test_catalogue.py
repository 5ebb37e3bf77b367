"""Which models are asked, in which order."""

from collections.abc import Iterator

import pytest

from lib.ai import catalogue
from lib.ai.catalogue import CatalogueSettings
from lib.ai.models import ModelCard
from lib.core import settings


def card(name: str) -> ModelCard:
    """A model of the provider that its name begins with."""
    provider = "openai" if name.startswith("o") else "anthropic"
    return ModelCard.model_validate({"id": name, "provider": provider, "window_tokens": 1000, "max_output_tokens": 100})


@pytest.fixture
def listed() -> Iterator[None]:
    """A catalogue of four models."""
    before = settings._loaded.get(CatalogueSettings)
    cards = tuple(card(name) for name in ("o1", "o2", "a1", "a2"))
    settings._loaded[CatalogueSettings] = CatalogueSettings(model_catalogue=cards)
    yield
    settings._loaded.pop(CatalogueSettings)
    if before is not None:
        settings._loaded[CatalogueSettings] = before


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("preferred", "expected"),
    [
        (None, ["o1", "a1"]),
        ("a2", ["a2", "o1"]),
        ("o2", ["o2", "a1"]),
        ("unknown", ["o1", "a1"]),
    ],
)
def test_the_preferred_model_is_asked_and_then_the_other_provider(preferred: str | None, expected: list[str]) -> None:
    assert [chosen.id for chosen in catalogue.choose(preferred)] == expected


def test_without_a_setting_the_dated_catalogue_names_both_providers() -> None:
    before = settings._loaded.pop(CatalogueSettings, None)
    try:
        assert {chosen.provider for chosen in catalogue.cards()} == {"openai", "anthropic"}
    finally:
        settings._loaded.pop(CatalogueSettings, None)
        if before is not None:
            settings._loaded[CatalogueSettings] = before
