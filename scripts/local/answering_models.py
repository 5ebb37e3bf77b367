"""Which models answer: the local ones, unless the environment of whoever starts a copy names real ones.

A key means the vendor itself, a base URL the server there. MODEL_CATALOGUE has the last word on which models there are;
without it a vendor's are those that Briefly knows, and of another server OPENAI_MODEL or the first that it lists.
"""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from lib.ai import catalogue
from lib.ai.models import ModelCard
from scripts.local import model_cards
from scripts.local.preflight import NotReady

VENDORS = {"OPENAI": "https://api.openai.com/v1", "ANTHROPIC": "https://api.anthropic.com"}
LIST_SECONDS = 10.0
# Of a server's own model nothing is known: what most grant.
WINDOW_TOKENS = 32_768
MAX_OUTPUT_TOKENS = 4096
# Older than every published price, so that a model which has one keeps it.
FREE = {"effective_from": "2000-01-01", "input": 0, "cached_input": 0, "cache_write": 0, "output": 0}


async def settings(outside: Mapping[str, str], session: aiohttp.ClientSession) -> dict[str, str]:
    """The settings of functions that ask models. Raises `NotReady` when a server does not say which models it has."""
    urls = {
        vendor: outside.get(f"{vendor}_BASE_URL") or url
        for vendor, url in VENDORS.items()
        if outside.get(f"{vendor}_BASE_URL") or outside.get(f"{vendor}_API_KEY")
    }
    given = {name: outside[name] for name in ("MODEL_CATALOGUE", "RATE_CARD") if outside.get(name)}
    if not urls and not given:
        return {"MODEL_CATALOGUE": model_cards.catalogue(), "RATE_CARD": model_cards.rate_card()}
    made = {f"{vendor}_BASE_URL": url for vendor, url in urls.items()}
    if urls and "MODEL_CATALOGUE" not in given:
        made |= await _catalogue(urls, outside, session)
    return made | given


async def _catalogue(
    urls: Mapping[str, str], outside: Mapping[str, str], session: aiohttp.ClientSession
) -> dict[str, str]:
    """Models of the named vendors only: the emulator of another would not know the model to fall back to."""
    cards = [card for card in catalogue.cards() if card.provider.upper() in urls]
    free: list[dict[str, Any]] = []
    if "OPENAI" in urls and (outside.get("OPENAI_MODEL") or outside.get("OPENAI_BASE_URL")):
        wished = outside.get("OPENAI_MODEL")
        names = [wished] if wished else await _listed(urls["OPENAI"], outside.get("OPENAI_API_KEY", ""), session)
        known = [card for card in cards if card.provider == "openai" and card.id in names]
        chosen = known or [_unknown(names[0])]
        cards = [*chosen, *(card for card in cards if card.provider != "openai")]
        free = [{"model": card.id, **FREE} for card in chosen if card not in known]
    made = {"MODEL_CATALOGUE": json.dumps([card.model_dump() for card in cards])}
    return made | ({"RATE_CARD": json.dumps(free)} if free else {})


async def _listed(url: str, key: str, session: aiohttp.ClientSession) -> list[str]:
    """https://platform.openai.com/docs/api-reference/models/list"""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    patience = aiohttp.ClientTimeout(total=LIST_SECONDS)
    try:
        async with session.get(f"{url.rstrip('/')}/models", headers=headers, timeout=patience) as answer:
            answer.raise_for_status()
            names = [str(model["id"]) for model in (await answer.json(content_type=None))["data"]]
    except (aiohttp.ClientError, TimeoutError, LookupError, TypeError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise NotReady(f"{url}/models does not say which models there are ({reason}): set OPENAI_MODEL") from None
    if not names:
        raise NotReady(f"{url}/models lists no model: set OPENAI_MODEL")
    return names


def _unknown(name: str) -> ModelCard:
    return ModelCard(id=name, provider="openai", window_tokens=WINDOW_TOKENS, max_output_tokens=MAX_OUTPUT_TOKENS)
