"""What crosses the boundary of chat: conversations, messages, runs, feedback."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from lib.core.http_models import ClientId, Strict

ConversationId = ClientId
MessageId = ClientId
RunId = Annotated[str, StringConstraints(pattern=r"^run_[0-9a-v]{24}$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class RunState(StrEnum):
    """Where the answering of a message stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


class ConversationStart(Strict):
    """A new conversation; with an id of the client's own, a repeat finds the same one."""

    id: ConversationId | None = None
    title: Title | None = None


class ConversationChange(Strict):
    """A change of a conversation."""

    title: Title


class Conversation(BaseModel):
    """A thread of messages. `latest_run` is the run that answers, or answered, the newest question."""

    id: ConversationId
    title: str | None = None
    created_at: datetime
    updated_at: datetime
    latest_run: str | None = None


class ConversationPage(BaseModel):
    """Conversations, the last used first."""

    conversations: list[Conversation]
    next_cursor: str | None = None


class Message(BaseModel):
    """Something said in a conversation. An answer names its run, its sources and what it was made of."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    run_id: str | None = None
    state: RunState | None = None
    sources: list[dict[str, Any]] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)
    feedback: Literal["up", "down"] | None = None


class MessagePage(BaseModel):
    """Messages, the oldest first."""

    messages: list[Message]
    next_cursor: str | None = None


class MessagePost(Strict):
    """A question. The id is the client's own: the same id again attaches to the same run."""

    id: MessageId
    text: Text
    model: Annotated[str, StringConstraints(max_length=100)] | None = None


class Work(BaseModel):
    """The model that answers a run, what it was given to read, and the budget that was set aside for it."""

    model: str
    provider: str
    input_tokens: int
    reservation: str


class Run(BaseModel):
    """The answering of one message. `epoch` counts the claims; lines belong to one of them; `last_line` ends them."""

    id: RunId
    conversation_id: str
    question_id: str
    answer_id: str
    model: str | None = None
    state: RunState = RunState.QUEUED
    epoch: int = 0
    instance: str | None = None
    lease_until: datetime | None = None
    has_text: bool = False
    last_line: int = 0
    created_at: datetime
    error: str | None = None
    work: Work | None = Field(default=None, exclude=True)
    """Known from the first text on, so that an answer whose producer is lost can be metered."""


class MessagePosted(BaseModel):
    """The question is kept; `stream_path` at the `stream` function is where its answer comes."""

    message_id: str
    answer_id: str
    run: Run
    stream_path: str


class Feedback(Strict):
    """A thumb, or none."""

    thumb: Literal["up", "down"] | None
