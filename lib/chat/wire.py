"""The chunks of an answer on the wire: the UI message stream that common front ends read, one JSON object each.

Source: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol#data-stream-protocol
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import orjson

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Vercel-AI-UI-Message-Stream": "v1",
}
DONE = "[DONE]"
"""The last event's data; it is no JSON."""

FinishReason = Literal["stop", "length", "content-filter", "error", "other"]


@dataclass(frozen=True, slots=True)
class Start:
    """An answer begins; `metadata` is for the message as a whole."""

    message_id: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {"type": "start", "messageId": self.message_id} | _metadata(self.metadata)


@dataclass(frozen=True, slots=True)
class TextStart:
    """A stretch of text begins; a delta without its start makes readers throw."""

    id: str

    def document(self) -> dict[str, Any]:
        return {"type": "text-start", "id": self.id}


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The stretch goes on."""

    id: str
    delta: str

    def document(self) -> dict[str, Any]:
        return {"type": "text-delta", "id": self.id, "delta": self.delta}


@dataclass(frozen=True, slots=True)
class TextEnd:
    """The stretch ends."""

    id: str

    def document(self) -> dict[str, Any]:
        return {"type": "text-end", "id": self.id}


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A source without a page of its own. `details` are ours: what it is, and the mark in the text that cites it."""

    source_id: str
    media_type: str
    title: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        document = {
            "type": "source-document",
            "sourceId": self.source_id,
            "mediaType": self.media_type,
            "title": self.title,
        }
        return document | _ours(self.details)


@dataclass(frozen=True, slots=True)
class SourceUrl:
    """A source with a page that the person can open. `details` as with `SourceDocument`."""

    source_id: str
    url: str
    title: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        document = {"type": "source-url", "sourceId": self.source_id, "url": self.url, "title": self.title}
        return document | _ours(self.details)


@dataclass(frozen=True, slots=True)
class Data:
    """Something of our own beside the text, such as `data-left-out`; a transient one is not part of the message."""

    name: str
    data: Any
    id: str | None = None
    transient: bool = False

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"type": f"data-{self.name}", "data": self.data}
        if self.id is not None:
            document["id"] = self.id
        return document | ({"transient": True} if self.transient else {})


@dataclass(frozen=True, slots=True)
class MessageMetadata:
    """What is known of the message by now, merged into what was known."""

    metadata: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return {"type": "message-metadata", "messageMetadata": dict(self.metadata)}


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is complete, as far as its reason says."""

    reason: FinishReason
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {"type": "finish", "finishReason": self.reason} | _metadata(self.metadata)


@dataclass(frozen=True, slots=True)
class Abort:
    """The answer was stopped."""

    reason: str | None = None

    def document(self) -> dict[str, Any]:
        return {"type": "abort"} | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class Error:
    """The answer failed; the text is for the person."""

    text: str

    def document(self) -> dict[str, Any]:
        return {"type": "error", "errorText": self.text}


Chunk: TypeAlias = (
    Start
    | TextStart
    | TextDelta
    | TextEnd
    | SourceDocument
    | SourceUrl
    | Data
    | MessageMetadata
    | Finish
    | Abort
    | Error
)


def encode(chunk: Chunk) -> str:
    """The chunk as one line of JSON: whatever the text holds, it has no line break in it."""
    return orjson.dumps(chunk.document()).decode()


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"messageMetadata": dict(metadata)} if metadata else {}


def _ours(details: Mapping[str, Any]) -> dict[str, Any]:
    """Vendors' extras go under the vendor's name; other unknown members are refused by strict readers."""
    return {"providerMetadata": {"briefly": dict(details)}} if details else {}
