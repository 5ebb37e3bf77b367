"""What is metered, and how it is told: events, a day's counters, limits."""

from datetime import date, datetime
from typing import Annotated, Literal, NewType

from pydantic import BaseModel, Field

Micros = NewType("Micros", int)
"""Millionths of a US dollar."""


class Tokens(BaseModel):
    """What a model read and wrote; cached and cache-writing tokens are not counted among the input ones."""

    input: int = Field(default=0, ge=0)
    cached_input: int = Field(default=0, ge=0)
    cache_write: int = Field(default=0, ge=0)
    output: int = Field(default=0, ge=0)
    estimated: bool = False


class ModelUsed(BaseModel):
    """One call of a model, for a person. The id is the same however often the event is delivered."""

    kind: Literal["model"] = "model"
    id: str
    person: str
    at: datetime
    model: str
    provider: str
    purpose: str
    subject: str
    """What it was for: the id of the message that it answered."""
    tokens: Tokens
    cost: Micros
    context_ms: int | None = None
    first_token_ms: int | None = None
    duration_ms: int
    outcome: str
    reservation: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the person got what was asked for."""
        return self.outcome in ("completed", "stopped")


class ApiCall(BaseModel):
    """One request to a function, from the log line that ended it."""

    event: Literal["api_call"]
    person: str
    """The person's hash, as logs have it."""
    function: str
    status: int
    duration_ms: float


class LogEntry(BaseModel):
    """A line as a Cloud Logging sink publishes it (https://cloud.google.com/logging/docs/export/pubsub).

    The line's own `time` has become the entry's `timestamp` (https://cloud.google.com/logging/docs/structured-logging).
    """

    insert_id: Annotated[str, Field(alias="insertId")]
    log_name: Annotated[str, Field(alias="logName")]
    timestamp: datetime
    payload: Annotated[ApiCall, Field(alias="jsonPayload")]


class CallCounters(BaseModel):
    """A day's requests to one function."""

    count: int = 0
    failed: int = 0
    duration_ms: float = 0


class ModelCounters(BaseModel):
    """A day's use of one model."""

    answers: int = 0
    succeeded: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Micros = Micros(0)
    duration_ms: int = 0


class DayUsage(BaseModel):
    """A person's use of one day (UTC)."""

    day: date
    calls: dict[str, CallCounters] = Field(default_factory=dict)
    models: dict[str, ModelCounters] = Field(default_factory=dict)
    cost: Micros = Micros(0)


class SpendLimit(BaseModel):
    """How much of the day's budget for models is committed: spent, or reserved for what is running."""

    limit: Micros
    committed: Micros
    resets_at: datetime


class Limits(BaseModel):
    """The limits that hold for a person."""

    requests_per_minute: int
    model_spend_per_day: SpendLimit


class UsageReport(BaseModel):
    """A person's use, newest day first, and the sum of its costs."""

    days: list[DayUsage]
    cost: Micros


class ModelUsedPage(BaseModel):
    """Calls of models, newest first."""

    events: list[ModelUsed]
    next_cursor: str | None = None
