"""Faults on command: which requests they hit, and what then goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scripts.local.models.conversation import Conversation

FaultKind = Literal[
    "truncate",
    "disconnect",
    "error",
    "hang",
    "http",
    "slow_start",
    "slow_tokens",
    "refusal",
    "empty",
    "length",
]


class Match(BaseModel):
    """What a request must look like to be hit; whatever is not given matches everything.

    `user` is OpenAI's `user` or `safety_identifier` or Anthropic's `metadata.user_id`; `text` is a part of any message.
    """

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    header: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, str] = Field(default_factory=dict)
    user: str | None = None
    text: str | None = None


class Fault(BaseModel):
    """One way to fail, `times` times (None: until removed).

    truncate: the body ends well-formed after `after_tokens`, without `[DONE]` or `message_stop`; disconnect: the
    connection breaks there; error: the vendor's error event comes there; hang: nothing more comes, and with
    `after_tokens` 0 not even headers unless `headers_sent`; http: `status` at once, with `retry_after`; slow_start:
    `seconds` before the first token; slow_tokens: `tokens_per_second`; refusal: the vendor's refusal after
    `after_tokens`; empty: an answer without text; length: the limit is reached after `after_tokens`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    match: Match = Field(default_factory=Match)
    times: int | None = Field(default=1, gt=0)
    after_tokens: int = Field(default=0, ge=0)
    headers_sent: bool = False
    status: int = Field(default=500, ge=400, le=599)
    retry_after: float | None = Field(default=None, ge=0)
    seconds: float = Field(default=1.0, ge=0)
    tokens_per_second: float = Field(default=1.0, gt=0)


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None


class Faults:
    """The armed faults, oldest first; a request takes the first that matches it."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, fault: Fault) -> None:
        """Let the fault strike from now on."""
        self._armed.append(_Armed(fault, fault.times))

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The armed faults with how many times each will still strike."""
        return [{**armed.fault.model_dump(), "times": armed.left} for armed in self._armed]

    def take(self, conversation: Conversation, headers: Mapping[str, str]) -> Fault | None:
        """The fault that strikes this request, counted down."""
        for armed in self._armed:
            if not _hits(armed.fault.match, conversation, headers):
                continue
            if armed.left is not None:
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
            return armed.fault
        return None


def _hits(match: Match, conversation: Conversation, headers: Mapping[str, str]) -> bool:
    return (
        match.model in (None, conversation.model)
        and match.user in (None, conversation.user)
        and (match.text is None or any(match.text in turn.text for turn in conversation.turns))
        and all(headers.get(name) == value for name, value in match.header.items())
        and all(conversation.metadata.get(name) == value for name, value in match.metadata.items())
    )
