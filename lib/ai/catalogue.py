"""Which models there are, and which are asked for an answer, in which order."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lib.ai.models import ModelCard
from lib.core.settings import Settings, load

_FILE = Path(__file__).with_name("models.json")


class CatalogueSettings(Settings):
    """`model_catalogue` is the list of models in the order of preference; empty means the dated one in the code."""

    model_catalogue: tuple[ModelCard, ...] = ()


class _DatedCatalogue(BaseModel):
    """Models come and go within months, so the list says as of when it is.

    Its limits are what we use of each model, which is at most what the provider grants.
    """

    model_config = ConfigDict(extra="forbid")

    as_of: str
    models: tuple[ModelCard, ...]


def cards() -> tuple[ModelCard, ...]:
    """All models, the preferred first."""
    return load(CatalogueSettings).model_catalogue or _dated().models


def choose(preferred: str | None = None) -> list[ModelCard]:
    """The model to ask and the one to fall back to: the preferred one, then the other provider's first.

    More of them would keep the person waiting for longer than anybody does. A preference that is not in the catalogue
    is none.
    """
    remaining = list(cards())
    first = next((card for card in remaining if card.id == preferred), remaining[0])
    remaining.remove(first)
    return [first, *sorted(remaining, key=lambda card: card.provider == first.provider)[:1]]


@cache
def _dated() -> _DatedCatalogue:
    return _DatedCatalogue.model_validate_json(_FILE.read_bytes())
