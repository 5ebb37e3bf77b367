"""Which models answer, by the environment of whoever starts a copy."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import aiohttp
import pytest

from lib.ai import catalogue
from lib.core import settings as core_settings
from lib.usage import rate_card
from lib.usage.models import Tokens
from lib.usage.rate_card import UnknownPrice
from scripts.local import answering_models, model_cards
from scripts.local.models import server
from scripts.local.models.settings import Behaviour, ModelsConfig
from scripts.local.preflight import NotReady
from tests.local.conftest import LoopThread

KEY = "sk-village"
Settings = Callable[..., dict[str, str]]


@pytest.fixture
def settings(loop_thread: LoopThread) -> Settings:
    async def of(outside: dict[str, str]) -> dict[str, str]:
        async with aiohttp.ClientSession() as session:
            return await answering_models.settings(outside, session)

    return lambda **outside: loop_thread.run(of(outside))


@pytest.fixture
def village(loop_thread: LoopThread) -> Iterator[str]:
    """The base URL of a compatible server that knows a model of its own."""
    behaviour = Behaviour(aliases={"village-7b": "local-extractive"})
    serving = loop_thread.run(server.serve(ModelsConfig(openai_key=KEY, behaviour=behaviour)))
    yield f"{serving.url}/v1"
    loop_thread.run(serving.close())


def models(made: dict[str, str]) -> list[str]:
    return [card["id"] for card in json.loads(made["MODEL_CATALOGUE"])]


def dated(provider: str) -> list[str]:
    return [card.id for card in catalogue.cards() if card.provider == provider]


def test_the_models_are_local_unless_the_environment_names_real_ones(settings: Settings) -> None:
    made = settings()
    assert made == {"MODEL_CATALOGUE": model_cards.catalogue(), "RATE_CARD": model_cards.rate_card()}


def test_with_a_vendors_key_only_that_vendors_models_are_asked(settings: Settings) -> None:
    made = settings(ANTHROPIC_API_KEY="sk")
    assert made["ANTHROPIC_BASE_URL"] == "https://api.anthropic.com"
    assert "OPENAI_BASE_URL" not in made
    assert models(made) == dated("anthropic")
    both = settings(ANTHROPIC_API_KEY="sk", OPENAI_API_KEY="sk")
    assert set(models(both)) == {*dated("anthropic"), *dated("openai")}


def test_a_compatible_server_is_asked_for_the_first_model_that_it_lists(settings: Settings, village: str) -> None:
    made = settings(OPENAI_BASE_URL=village, OPENAI_API_KEY=KEY)
    assert made["OPENAI_BASE_URL"] == village
    assert models(made) == ["village-7b"]


def test_a_model_can_be_named_without_asking_the_server(settings: Settings) -> None:
    made = settings(OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_MODEL="other-7b")
    assert models(made) == ["other-7b"]
    assert models(settings(OPENAI_API_KEY="sk", OPENAI_MODEL=dated("openai")[1])) == [dated("openai")[1]]


def test_a_catalogue_of_ones_own_has_the_last_word(settings: Settings, village: str) -> None:
    assert settings(OPENAI_BASE_URL=village, MODEL_CATALOGUE="[]x") == {
        "OPENAI_BASE_URL": village,
        "MODEL_CATALOGUE": "[]x",
    }


def test_a_server_that_does_not_list_its_models_is_said_with_what_to_set(settings: Settings, village: str) -> None:
    for url, key in (("http://127.0.0.1:1/v1", KEY), (village, "sk-wrong"), (f"{village}/none", KEY)):
        with pytest.raises(NotReady, match=r"/models does not say .*: set OPENAI_MODEL$"):
            settings(OPENAI_BASE_URL=url, OPENAI_API_KEY=key)


def test_a_model_without_a_published_price_is_free_by_a_row_and_one_with_a_price_keeps_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, now = Tokens(input=1_000_000, output=1_000_000), datetime.now(UTC)
    named = [settings(OPENAI_API_KEY="sk", OPENAI_MODEL=name)["RATE_CARD"] for name in ("other-7b", "gpt-6.2-astra")]
    rows = [row for card in named for row in json.loads(card)]
    try:
        monkeypatch.setenv("RATE_CARD", json.dumps(rows))
        _forget()
        assert rate_card.price("other-7b", tokens, now) == 0
        assert rate_card.price("gpt-6.2-astra", tokens, now) > 0
        with pytest.raises(UnknownPrice):
            rate_card.price("unnamed-7b", tokens, now)
    finally:
        monkeypatch.delenv("RATE_CARD")
        _forget()


def _forget() -> None:
    core_settings.forget()
    rate_card._card.cache_clear()
