"""Anthropic's messages, streamed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from lib.ai import tokens
from lib.ai.anthropic.settings import SECRET, AnthropicSettings
from lib.ai.errors import ModelTruncated
from lib.ai.exchange import Patience, exchange, failure
from lib.ai.models import Completed, FinishReason, ModelCard, Prompt, TextDelta, Usage
from lib.core import secrets
from lib.core.settings import load

VERSION = "2023-06-01"
_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class AnthropicMessages:
    """The adapter; see `lib.ai.ports.StreamingModel` for what it promises.

    The body's end without `message_stop` is a truncation; an overload comes as an error event in a 200. Usage in
    `message_delta` is cumulative: a later number replaces an earlier one. The newest models refuse temperature, top_p,
    top_k and a prefilled answer: none is sent. Source: https://docs.claude.com/en/docs/build-with-claude/streaming
    """

    async def stream(
        self,
        card: ModelCard,
        prompt: Prompt,
        *,
        max_output_tokens: int,
        first_token_within: timedelta,
        idle_within: timedelta,
    ) -> AsyncGenerator[TextDelta | Completed, None]:
        """The answer's pieces, then one `Completed`. Raises `ModelError`s."""
        patience = Patience(first_token_within, idle_within)
        headers = {
            "x-api-key": secrets.read(SECRET).reveal(),
            "anthropic-version": VERSION,
            "Content-Type": "application/json",
        }
        url = load(AnthropicSettings).anthropic_base_url.rstrip("/") + "/v1/messages"
        texts: list[str] = []
        reason: FinishReason = "other"
        usage: dict[str, Any] = {}
        async with aclosing(exchange(url, headers, _body(card, prompt, max_output_tokens), patience)) as events:
            async for event in events:
                kind = event.get("type") if event else None
                if event is None or kind is None or kind == "error":
                    raise failure((event or {}).get("error"))
                if kind == "content_block_delta":
                    text = (event.get("delta") or {}).get("text")
                    if text:
                        patience.begun = True
                        texts.append(text)
                        yield TextDelta(text)
                elif kind == "message_start":
                    usage = _merged(usage, (event.get("message") or {}).get("usage"))
                elif kind == "message_delta":
                    usage = _merged(usage, event.get("usage"))
                    reason = _REASONS.get((event.get("delta") or {}).get("stop_reason") or "", "other")
                elif kind == "message_stop":
                    patience.ended = True
        if not patience.ended:
            raise ModelTruncated("the body ended without message_stop")
        told = "output_tokens" in usage
        yield Completed(reason, _usage(usage) if told else tokens.estimated_usage(prompt, "".join(texts)))


def _body(card: ModelCard, prompt: Prompt, max_output_tokens: int) -> dict[str, Any]:
    return {
        "model": card.id,
        "system": prompt.system,
        "messages": [{"role": turn.role, "content": turn.text} for turn in prompt.turns],
        "max_tokens": min(max_output_tokens, card.max_output_tokens),
        "stream": True,
    }


def _merged(usage: dict[str, Any], later: dict[str, Any] | None) -> dict[str, Any]:
    return usage | {name: value for name, value in (later or {}).items() if value is not None}


def _usage(usage: dict[str, Any]) -> Usage:
    return Usage(
        input_tokens=usage.get("input_tokens") or 0,
        cached_input_tokens=usage.get("cache_read_input_tokens") or 0,
        cache_write_tokens=usage.get("cache_creation_input_tokens") or 0,
        output_tokens=usage.get("output_tokens") or 0,
    )
