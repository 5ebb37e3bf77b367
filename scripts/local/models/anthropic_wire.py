"""Answers as Anthropic sends them, whole and streamed.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

import uuid
from typing import Any

import orjson

from scripts.local.models import errors, tokens
from scripts.local.models.conversation import Answer, Conversation, ToolCall

STOP_REASON = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "refusal": "refusal",
    "tool": "tool_use",
}


class AnthropicWire:
    """One answer on Anthropic's wire; a text block is opened by the first token, so an empty answer has none."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._identity = f"msg_{uuid.uuid4().hex[:24]}"
        self._text_open = False

    def whole(self, answer: Answer) -> bytes:
        """The body of an answer that is not streamed."""
        content: list[dict[str, Any]] = []
        if answer.tokens:
            content.append({"type": "text", "text": answer.text, "citations": None})
        if answer.tool_call:
            content.append(self._tool_block(answer.tool_call, orjson.loads(answer.tool_call.arguments)))
        message = self._message(content, answer.output_tokens)
        message |= {"stop_reason": STOP_REASON[answer.finish], "stop_sequence": answer.stop_sequence}
        return orjson.dumps(message)

    def opening(self) -> bytes:
        """What comes before the first token."""
        return _event({"type": "message_start", "message": self._message([], 1)})

    def delta(self, token: str) -> bytes:
        """One token; the first opens the text block, and a ping follows as it does upstream."""
        start = b""
        if not self._text_open:
            self._text_open = True
            block = {"type": "text", "text": ""}
            start = _event({"type": "content_block_start", "index": 0, "content_block": block})
            start += _event({"type": "ping"})
        text = {"type": "text_delta", "text": token}
        return start + _event({"type": "content_block_delta", "index": 0, "delta": text})

    def closing(self, answer: Answer) -> bytes:
        """What comes after the last token of a whole answer."""
        parts = []
        if self._text_open:
            parts.append(_event({"type": "content_block_stop", "index": 0}))
        if answer.tool_call:
            parts.append(self._tool_events(answer.tool_call))
        delta = {"stop_reason": STOP_REASON[answer.finish], "stop_sequence": answer.stop_sequence}
        usage = self._usage(answer.output_tokens)
        parts.append(_event({"type": "message_delta", "delta": delta, "usage": usage}))
        parts.append(_event({"type": "message_stop"}))
        return b"".join(parts)

    def failure(self) -> bytes:
        """The error that may come in the middle of a stream: overload, in a 200."""
        return _event(errors.body("anthropic", errors.ModelError(529)))

    def _tool_events(self, call: ToolCall) -> bytes:
        index = 1 if self._text_open else 0
        block = self._tool_block(call, {})
        parts = [_event({"type": "content_block_start", "index": index, "content_block": block})]
        for piece in tokens.split(call.arguments):
            delta = {"type": "input_json_delta", "partial_json": piece}
            parts.append(_event({"type": "content_block_delta", "index": index, "delta": delta}))
        parts.append(_event({"type": "content_block_stop", "index": index}))
        return b"".join(parts)

    def _tool_block(self, call: ToolCall, arguments: Any) -> dict[str, Any]:
        return {"type": "tool_use", "id": f"toolu_{self._identity[-24:]}", "name": call.name, "input": arguments}

    def _message(self, content: list[dict[str, Any]], output_tokens: int) -> dict[str, Any]:
        return {
            "id": self._identity,
            "type": "message",
            "role": "assistant",
            "model": self._conversation.model,
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self._usage(output_tokens),
        }

    def _usage(self, output_tokens: int) -> dict[str, int]:
        return {
            "input_tokens": self._conversation.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
        }


def _event(value: dict[str, Any]) -> bytes:
    return b"event: " + str(value["type"]).encode("ascii") + b"\ndata: " + orjson.dumps(value) + b"\n\n"
