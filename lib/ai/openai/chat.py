"""OpenAI's chat completions, streamed; also spoken by many compatible servers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from lib.ai import tokens
from lib.ai.errors import ModelTruncated
from lib.ai.exchange import Patience, exchange, failure
from lib.ai.models import Completed, FinishReason, ModelCard, Prompt, TextDelta, Usage
from lib.ai.openai.settings import SECRET, OpenAISettings
from lib.core import secrets
from lib.core.settings import load

_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}


class OpenAIChat:
    """The adapter; see `lib.ai.ports.StreamingModel` for what it promises.

    The body's end without `[DONE]` is a truncation. The temperature is never set, since some models refuse it. Usage
    comes in a last chunk without choices, because `include_usage` asks for it; a server that does not know the option
    leaves us to estimate. Source: https://platform.openai.com/docs/api-reference/chat-streaming
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
        headers = {"Authorization": f"Bearer {secrets.read(SECRET).reveal()}", "Content-Type": "application/json"}
        url = load(OpenAISettings).openai_base_url.rstrip("/") + "/chat/completions"
        texts: list[str] = []
        reason: FinishReason = "other"
        usage: Usage | None = None
        refused = False
        async with aclosing(exchange(url, headers, _body(card, prompt, max_output_tokens), patience)) as events:
            async for event in events:
                if event is None:
                    patience.ended = True
                    continue
                if event.get("error") is not None:
                    raise failure(event["error"])
                if event.get("usage"):
                    usage = _usage(event["usage"])
                for choice in event.get("choices") or ():
                    delta = choice.get("delta") or {}
                    refusal = delta.get("refusal")
                    refused = refused or bool(refusal)
                    if text := delta.get("content") or refusal:
                        patience.begun = True
                        texts.append(text)
                        yield TextDelta(text)
                    if choice.get("finish_reason"):
                        reason = _REASONS.get(choice["finish_reason"], "other")
        if not patience.ended:
            raise ModelTruncated("the body ended without [DONE]")
        yield Completed("refusal" if refused else reason, usage or tokens.estimated_usage(prompt, "".join(texts)))


def _body(card: ModelCard, prompt: Prompt, max_output_tokens: int) -> dict[str, Any]:
    messages = [{"role": "system", "content": prompt.system}]
    messages += [{"role": turn.role, "content": turn.text} for turn in prompt.turns]
    return {
        "model": card.id,
        "messages": messages,
        "max_completion_tokens": min(max_output_tokens, card.max_output_tokens),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _usage(usage: dict[str, Any]) -> Usage:
    """OpenAI's prompt tokens include those read from and written to the cache; ours are disjoint."""
    details = usage.get("prompt_tokens_details") or {}
    cached, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    return Usage(
        input_tokens=max(0, (usage.get("prompt_tokens") or 0) - cached - written),
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=usage.get("completion_tokens") or 0,
    )
