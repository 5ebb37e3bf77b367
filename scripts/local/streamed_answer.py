"""An answer as a front end reads it from the event stream."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scripts.local.browser import Browser

END = "[DONE]"


@dataclass(frozen=True)
class Cited:
    """A source of an answer. `kind` is event or mail."""

    id: str
    kind: str
    title: str
    ref: str


@dataclass
class StreamedAnswer:
    """What came so far. `first_token_seconds` counts from the opening of the stream."""

    text: str = ""
    sources: list[Cited] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    finish: str | None = None
    error: str | None = None
    ended: bool = False
    first_token_seconds: float | None = None

    def take(self, chunk: dict[str, Any]) -> str:
        """Note a chunk; the text that it brings."""
        match chunk["type"]:
            case "text-delta":
                self.text += chunk["delta"]
                return str(chunk["delta"])
            case "source-url" | "source-document":
                ours = chunk["providerMetadata"]["briefly"]
                self.sources.append(Cited(chunk["sourceId"], ours["kind"], chunk["title"], ours["ref"]))
            case "start" | "message-metadata":
                self.metadata |= chunk.get("messageMetadata", {})
            case "data-context":
                self.context = chunk["data"]
            case "finish":
                self.finish = chunk["finishReason"]
            case "error":
                self.error = chunk["errorText"]
            case "abort":
                self.error = f"aborted: {chunk.get('reason')}"
        return ""


async def read(browser: Browser, path: str, show: Callable[[str], None]) -> StreamedAnswer:
    """Read to the end; every piece of text is shown as it comes. Raises `Unexpected`."""
    answer, began = StreamedAnswer(), time.monotonic()
    async for line in browser.lines(path):
        if not line.startswith("data: "):
            continue
        data = line.removeprefix("data: ")
        if data == END:
            answer.ended = True
            continue
        piece = answer.take(json.loads(data))
        if piece:
            answer.first_token_seconds = answer.first_token_seconds or time.monotonic() - began
            show(piece)
    return answer
