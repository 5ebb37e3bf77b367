"""Anthropic's requests: what may stand in them and what the local models read.

Source: https://docs.anthropic.com/en/api/messages
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scripts.local.models.conversation import Conversation, Tool, Turn
from scripts.local.models.errors import ModelError

SAMPLING = ("temperature", "top_p", "top_k")


class _Block(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None
    content: Any = None


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant"]
    content: str | list[_Block]


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: str | None = None


class _Tool(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    input_schema: dict[str, Any] = Field(default_factory=dict)


class TokenCountRequest(BaseModel):
    """The body of POST /v1/messages/count_tokens."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[_Message] = Field(min_length=1)
    system: str | list[_Block] | None = None
    tools: list[_Tool] | None = None
    tool_choice: Any = None
    thinking: Any = None
    output_config: dict[str, Any] | None = None
    cache_control: Any = None

    def turns(self) -> tuple[Turn, ...]:
        """The system prompt, if any, and the messages."""
        spoken = tuple(Turn(message.role, _text(message.content)) for message in self.messages)
        if self.system is None:
            return spoken
        return (Turn("system", _text(self.system)), *spoken)


class MessageRequest(TokenCountRequest):
    """The body of POST /v1/messages; what is not read is checked to be a known name."""

    max_tokens: int = Field(ge=1)
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    metadata: _Metadata | None = None
    temperature: Any = None
    top_p: Any = None
    top_k: Any = None
    container: Any = None
    diagnostics: Any = None
    inference_geo: Any = None
    service_tier: Any = None
    speed: Any = None
    user_profile_id: Any = None
    workspace_id: Any = None

    def conversation(self) -> Conversation:
        """The request as the local models see it.

        Raises ModelError on sampling parameters and on an assistant message at the end, which the newest models refuse.
        """
        for name in SAMPLING:
            if name in self.model_fields_set:
                raise ModelError(400, f"`{name}` is not supported by this model.")
        if self.messages[-1].role == "assistant":
            raise ModelError(
                400,
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            )
        user = self.metadata.user_id if self.metadata else None
        return Conversation(
            dialect="anthropic",
            model=self.model,
            turns=self.turns(),
            stream=bool(self.stream),
            limit=self.max_tokens,
            stops=tuple(self.stop_sequences or ()),
            include_usage=True,
            json_schema=((self.output_config or {}).get("format") or {}).get("schema"),
            tools=tuple(Tool(one.name, one.input_schema) for one in self.tools or ()),
            user=user,
            metadata={"user_id": user} if user else {},
        )


def refused(error: ValidationError) -> ModelError:
    """The first thing wrong with a body, in Anthropic's words."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    words = {"missing": "Field required", "extra_forbidden": "Extra inputs are not permitted"}
    return ModelError(400, f"{name}: {words.get(first['type'], first['msg'])}")


def _text(content: str | list[_Block]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_block_text(block) for block in content)


def _block_text(block: _Block) -> str:
    if block.text is not None:
        return block.text
    if isinstance(block.content, str):
        return block.content
    if isinstance(block.content, list):
        return "\n".join(str(part.get("text", "")) for part in block.content if isinstance(part, dict))
    return ""
