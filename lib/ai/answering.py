"""An answer from the first model that begins one."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from functools import cache

from lib.ai.errors import ModelError, NoModelAnswered
from lib.ai.models import Attempt, Completed, ModelCard, Outcome, Prompt, Provider, Started, TextDelta
from lib.ai.ports import StreamingModel

FIRST_TOKEN_WITHIN = timedelta(seconds=20)
IDLE_WITHIN = timedelta(seconds=30)


async def answer(
    cards: Sequence[ModelCard],
    prompt: Prompt,
    *,
    max_output_tokens: int,
    first_token_within: timedelta = FIRST_TOKEN_WITHIN,
    idle_within: timedelta = IDLE_WITHIN,
    record: Callable[[Attempt], None] = lambda attempt: None,
    providers: Mapping[Provider, StreamingModel] | None = None,
) -> AsyncGenerator[Started | TextDelta | Completed, None]:
    """`Started` with the model that answers, its text, and `Completed`; the next model is asked only before a text.

    Each attempt is recorded once, when it ends, the one that its reader abandoned (by closing the generator, or being
    cancelled) included. Raises `NoModelAnswered` if no model begins, or the `ModelError` that breaks a begun answer.
    """
    attempts: list[Attempt] = []
    for card in cards:
        watch = _Watch(card)
        try:
            model = (providers or _providers())[card.provider]
            stream = model.stream(
                card,
                prompt,
                max_output_tokens=max_output_tokens,
                first_token_within=first_token_within,
                idle_within=idle_within,
            )
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    if not watch.begun:
                        watch.begin()
                        yield Started(card)
                    if isinstance(piece, Completed):
                        watch.outcome = "completed"
                    yield piece
            return
        except ModelError as error:
            watch.outcome = error.outcome
            if watch.begun:
                raise
        finally:
            attempts.append(watch.attempt())
            record(attempts[-1])
    raise NoModelAnswered(tuple(attempts))


class _Watch:
    """Measures one attempt; until told otherwise it counts as abandoned."""

    def __init__(self, card: ModelCard):
        self.card = card
        self.outcome: Outcome = "abandoned"
        self._began = time.monotonic()
        self._first_token: float | None = None

    @property
    def begun(self) -> bool:
        return self._first_token is not None

    def begin(self) -> None:
        self._first_token = time.monotonic()

    def attempt(self) -> Attempt:
        first = None if self._first_token is None else timedelta(seconds=self._first_token - self._began)
        return Attempt(self.card, self.outcome, timedelta(seconds=time.monotonic() - self._began), first)


@cache
def _providers() -> Mapping[Provider, StreamingModel]:
    from lib.ai.anthropic.messages import AnthropicMessages
    from lib.ai.openai.chat import OpenAIChat

    return {"openai": OpenAIChat(), "anthropic": AnthropicMessages()}
