"""Answers as OpenAI sends them, whole and streamed.

Sources: https://platform.openai.com/docs/api-reference/chat/object and
https://platform.openai.com/docs/api-reference/chat-streaming
"""

import uuid
from typing import Any

import orjson

from scripts.local import clock
from scripts.local.models import errors
from scripts.local.models.conversation import Answer, Conversation

FINISH = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "refusal": "content_filter",
    "tool": "tool_calls",
}


class OpenAIWire:
    """One answer on OpenAI's wire."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._identity = f"chatcmpl-{uuid.uuid4().hex[:29]}"
        self._created = int(clock.timestamp())

    def whole(self, answer: Answer) -> bytes:
        """The body of an answer that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
        if answer.tool_call:
            message["tool_calls"] = [self._tool_call(answer)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.finish]}
        body = self._frame("chat.completion", [choice])
        return orjson.dumps({**body, "usage": self._usage(answer.output_tokens)})

    def opening(self) -> bytes:
        """What comes before the first token."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def delta(self, token: str) -> bytes:
        """One token."""
        return self._chunk({"content": token})

    def closing(self, answer: Answer) -> bytes:
        """What comes after the last token of a whole answer."""
        parts = []
        if answer.tool_call:
            parts.append(self._chunk({"tool_calls": [{"index": 0, **self._tool_call(answer)}]}))
        parts.append(self._chunk({}, FINISH[answer.finish]))
        if self._conversation.include_usage:
            usage = self._usage(answer.output_tokens)
            parts.append(_event({**self._frame("chat.completion.chunk", []), "usage": usage}))
        parts.append(b"data: [DONE]\n\n")
        return b"".join(parts)

    def failure(self) -> bytes:
        """The error that may come in the middle of a stream."""
        return _event(errors.body("openai", errors.ModelError(500)))

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = self._frame("chat.completion.chunk", [choice])
        return _event({**chunk, "usage": None} if self._conversation.include_usage else chunk)

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._identity,
            "object": kind,
            "created": self._created,
            "model": self._conversation.model,
            "service_tier": "default",
            "system_fingerprint": None,
            "choices": choices,
        }

    def _usage(self, output_tokens: int) -> dict[str, Any]:
        input_tokens = self._conversation.input_tokens
        return {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def _tool_call(self, answer: Answer) -> dict[str, Any]:
        call = answer.tool_call
        function = {"name": call.name, "arguments": call.arguments} if call else {}
        return {"id": f"call_{self._identity[-24:]}", "type": "function", "function": function}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
