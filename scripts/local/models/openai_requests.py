"""OpenAI's requests: what may stand in them and what the local models read.

Sources: https://platform.openai.com/docs/api-reference/chat/create and
https://platform.openai.com/docs/api-reference/embeddings/create
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scripts.local.models.conversation import Conversation, Tool, Turn
from scripts.local.models.errors import ModelError


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None
    refusal: str | None = None


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    audio: dict[str, Any] | None = None
    function_call: dict[str, Any] | None = None


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False
    include_obfuscation: bool = False


class _ResponseFormat(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class _Function(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class _Tool(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str
    function: _Function | None = None


class ChatRequest(BaseModel):
    """The body of POST /v1/chat/completions; what is not read is checked to be a known name."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[_Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    n: int | None = Field(default=None, ge=1, le=1)
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    response_format: _ResponseFormat | None = None
    tools: list[_Tool] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    audio: Any = None
    frequency_penalty: Any = None
    function_call: Any = None
    functions: Any = None
    logit_bias: Any = None
    logprobs: Any = None
    modalities: Any = None
    moderation: Any = None
    parallel_tool_calls: Any = None
    prediction: Any = None
    presence_penalty: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    reasoning_effort: Any = None
    seed: Any = None
    service_tier: Any = None
    store: Any = None
    tool_choice: Any = None
    top_logprobs: Any = None
    verbosity: Any = None
    web_search_options: Any = None

    def conversation(self) -> Conversation:
        """The request as the local models see it; ModelError if its parts contradict each other."""
        if self.stream_options is not None and not self.stream:
            raise ModelError(
                400,
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                parameter="stream_options",
            )
        return Conversation(
            dialect="openai",
            model=self.model,
            turns=tuple(Turn(message.role, _text(message)) for message in self.messages),
            stream=bool(self.stream),
            limit=self.max_completion_tokens or self.max_tokens,
            stops=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            include_usage=self.stream_options is not None and self.stream_options.include_usage,
            json_schema=self._schema(),
            tools=tuple(Tool(one.function.name, one.function.parameters) for one in self.tools or () if one.function),
            user=self.user or self.safety_identifier,
            metadata=self.metadata or {},
        )

    def _schema(self) -> dict[str, Any] | None:
        if self.response_format is None or self.response_format.type == "text":
            return None
        if self.response_format.type == "json_object":
            return {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        described = self.response_format.json_schema
        if described is None or "name" not in described:
            name = "response_format.json_schema" + ("" if described is None else ".name")
            raise ModelError(400, f"Missing required parameter: '{name}'.", parameter=name)
        return dict(described.get("schema") or {})


class EmbeddingRequest(BaseModel):
    """The body of POST /v1/embeddings."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    dimensions: int | None = Field(default=None, ge=1, le=3072)
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None

    def texts(self) -> list[str]:
        """The inputs as texts, token numbers spelled out; ModelError if one is empty."""
        given = self.input
        if isinstance(given, str):
            texts = [given]
        elif given and isinstance(given[0], int):
            texts = [" ".join(map(str, given))]
        else:
            texts = [one if isinstance(one, str) else " ".join(map(str, _numbers(one))) for one in given]
        if not texts or len(texts) > 2048 or not all(texts):
            raise ModelError(400, "'$.input' is invalid. Please check the API reference.", parameter="input")
        return texts


def refused(error: ValidationError) -> ModelError:
    """The first thing wrong with a body, in OpenAI's words."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        message, code = f"Missing required parameter: '{name}'.", "missing_required_parameter"
    elif first["type"] == "extra_forbidden":
        message, code = f"Unknown parameter: '{name}'.", "unknown_parameter"
    else:
        message, code = f"Invalid value for '{name}': {first['msg']}.", "invalid_value"
    return ModelError(400, message, code=code, parameter=name)


def _text(message: _Message) -> str:
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text or part.refusal or "" for part in message.content)


def _numbers(value: object) -> list[int]:
    return [int(one) for one in value] if isinstance(value, list) else []
