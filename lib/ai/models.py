"""What crosses the boundary of ai: models, prompts, and the pieces of an answer as it streams."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

Provider = Literal["openai", "anthropic"]
FinishReason = Literal["stop", "length", "refusal", "other"]
Outcome = Literal["completed", "unavailable", "rate_limited", "rejected", "timed_out", "truncated", "abandoned"]


class ModelCard(BaseModel):
    """A model that can be asked: `window_tokens` bounds prompt and answer together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    provider: Provider
    window_tokens: int
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said in a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked; the last turn is the person's."""

    system: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. The three kinds of input are disjoint, since each has a price of its own.

    `estimated` says that the provider did not tell (a stopped or broken stream) and we counted ourselves.
    """

    input_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of an answer that the model itself ended."""

    reason: FinishReason
    usage: Usage


@dataclass(frozen=True, slots=True)
class Started:
    """The model whose answer follows; from here on there is no fallback to another."""

    card: ModelCard


@dataclass(frozen=True, slots=True)
class Attempt:
    """How asking one model went. `first_token` is None if none came."""

    card: ModelCard
    outcome: Outcome
    duration: timedelta
    first_token: timedelta | None = field(default=None)
