"""Asking models the way the chat room does, in one loop per question."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lib.ai import answering, sse
from lib.ai.anthropic.messages import AnthropicMessages
from lib.ai.models import Attempt, Completed, ModelCard, Prompt, Started, TextDelta, Turn
from lib.ai.openai.chat import OpenAIChat
from lib.ai.ports import StreamingModel

OPENAI = ModelCard(id="local-lorem", provider="openai", window_tokens=100_000, max_output_tokens=4096)
ANTHROPIC = ModelCard(id="local-lorem-claude", provider="anthropic", window_tokens=100_000, max_output_tokens=4096)
ADAPTERS: dict[str, tuple[ModelCard, StreamingModel]] = {
    "openai": (OPENAI, OpenAIChat()),
    "anthropic": (ANTHROPIC, AnthropicMessages()),
}
PROMPT = Prompt(
    "Answer in Grüßen – 東京.", (Turn("user", "hello"), Turn("assistant", "yes?"), Turn("user", "go on ⚓"))
)
LONG = timedelta(seconds=10)


@dataclass
class Told:
    """What came of asking."""

    texts: list[str] = field(default_factory=list)
    completed: Completed | None = None
    started: list[ModelCard] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    async def read(self, pieces: AsyncGenerator[Any, None], enough: int | None = None) -> None:
        """Read to the end, or until enough texts have come."""
        async with aclosing(pieces) as stream:
            async for piece in stream:
                if isinstance(piece, TextDelta):
                    self.texts.append(piece.text)
                elif isinstance(piece, Started):
                    self.started.append(piece.card)
                else:
                    assert self.completed is None
                    self.completed = piece
                if enough is not None and len(self.texts) >= enough:
                    return


def run(coroutine: Callable[[], Any]) -> Any:
    """Run in a loop of its own, with its own session."""

    async def within() -> Any:
        try:
            return await coroutine()
        finally:
            await sse.session().close()

    return asyncio.run(within())


def stream(
    card: ModelCard,
    model: StreamingModel,
    *,
    tokens: int = 50,
    first: timedelta = LONG,
    idle: timedelta = LONG,
    enough: int | None = None,
    told: Told | None = None,
) -> Told:
    """What an adapter gives for the prompt."""
    told = told or Told()

    async def ask() -> None:
        pieces = model.stream(card, PROMPT, max_output_tokens=tokens, first_token_within=first, idle_within=idle)
        await told.read(pieces, enough)

    run(ask)
    return told


def answer(cards: Sequence[ModelCard], told: Told, *, first: timedelta = LONG, enough: int | None = None) -> None:
    """What answering gives for the prompt; kept in `told` even if it fails."""

    async def ask() -> None:
        pieces = answering.answer(
            cards,
            PROMPT,
            max_output_tokens=50,
            first_token_within=first,
            idle_within=LONG,
            record=told.attempts.append,
        )
        await told.read(pieces, enough)

    run(ask)
