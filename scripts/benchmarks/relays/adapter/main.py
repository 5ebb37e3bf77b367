"""Briefly's adapter of a model behind its streaming layer, and nothing else: no run, no log, no Firestore."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import functions_framework.aio

from lib.ai import answering, catalogue
from lib.ai.catalogue import CatalogueSettings
from lib.ai.models import Prompt, TextDelta, Turn
from lib.ai.openai.settings import SECRET, OpenAISettings
from lib.chat import wire
from lib.core.identity import Identity
from lib.core.stream import Events, StreamService

MOST_OUTPUT_TOKENS = 2048
PROMPT = Prompt("Answer from what you are given.", (Turn("user", "What does my day look like?"),))


@dataclass(frozen=True)
class _Event:
    id: str | None
    data: str


async def _end() -> None:
    return


service = StreamService(
    "Relay", headers=wire.HEADERS, ending=_end, requires=(CatalogueSettings, OpenAISettings), secrets=(SECRET,)
)


@service.get("/relay")
async def relay(identity: Identity, last_event_id: str | None) -> Events:
    """What the model says"""
    return _events(identity.person)


async def _events(run: str) -> AsyncIterator[_Event]:
    number = 0
    async for piece in answering.answer(catalogue.choose(), PROMPT, max_output_tokens=MOST_OUTPUT_TOKENS):
        if isinstance(piece, TextDelta):
            number += 1
            yield _Event(f"{run}:1:{number}", wire.encode(wire.TextDelta("answer", piece.text)))
    yield _Event(None, wire.DONE)


@functions_framework.aio.http
async def bare(request: Any) -> Any:
    """Serve a request."""
    return await service(request)
