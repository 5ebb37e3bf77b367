"""What a request says, whichever dialect it came in, and what a model answers."""

from dataclasses import dataclass, field
from typing import Any, Literal

from scripts.local.models import tokens

Dialect = Literal["openai", "anthropic"]
Finish = Literal["stop", "length", "refusal", "tool", "stop_sequence"]
TOKENS_PER_TURN = 3
"""What the frame of each message costs beside its text."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: who spoke and the text of all its parts."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the caller offers; `schema` is the JSON schema of its arguments."""

    name: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request, reduced to what the local models look at.

    `model` is the name to answer under, `limit` the greatest number of tokens to answer with.
    """

    dialect: Dialect
    model: str
    turns: tuple[Turn, ...]
    stream: bool
    limit: int | None = None
    stops: tuple[str, ...] = ()
    include_usage: bool = False
    json_schema: dict[str, Any] | None = None
    tools: tuple[Tool, ...] = ()
    user: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def input_tokens(self) -> int:
        """What the request costs to read."""
        return sum(tokens.count(turn.text) + TOKENS_PER_TURN for turn in self.turns)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that a gullible model wants called; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says, in tokens, and why it ends."""

    tokens: tuple[str, ...]
    finish: Finish
    tool_call: ToolCall | None = None
    stop_sequence: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    @property
    def output_tokens(self) -> int:
        """What the whole answer costs."""
        return len(self.tokens) + (tokens.count(self.tool_call.arguments) if self.tool_call else 0)


def answer_of(
    text: str, conversation: Conversation, limit: int | None = None, tool_call: ToolCall | None = None
) -> Answer:
    """The text as an answer, cut at the first stop sequence and at the request's limit (or a smaller one)."""
    stop = min((one for one in conversation.stops if one and one in text), key=text.index, default=None)
    finish: Finish = "tool" if tool_call else "stop"
    if stop is not None:
        text, finish = text[: text.index(stop)], "stop_sequence"
    parts = tokens.split(text)
    limits = [one for one in (conversation.limit, limit) if one is not None]
    if limits and len(parts) > min(limits):
        return Answer(tuple(parts[: min(limits)]), "length")
    return Answer(tuple(parts), finish, tool_call if finish == "tool" else None, stop)
