"""What is metered, and how it is told: events, a day's counters, limits."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal, NewType

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from lib.core.http_models import unreserved

Micros = NewType("Micros", int)
"""Millionths of a US dollar."""

# What every reader of JSON keeps exactly, and a sum of some still is a number of Firestore's.
LARGEST = 2**53


def _in_calendar(moment: datetime) -> datetime:
    """Raises `ValueError` for a moment that is of no year in UTC."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment is out of range") from None
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
DocumentName = Annotated[str, StringConstraints(pattern=r"^[^/]{1,128}$"), AfterValidator(unreserved)]
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(unreserved)]
Amount = Annotated[int, Field(ge=0, le=LARGEST)]


class Tokens(BaseModel):
    """What a model read and wrote; cached and cache-writing tokens are not counted among the input ones."""

    input: Amount = 0
    cached_input: Amount = 0
    cache_write: Amount = 0
    output: Amount = 0
    estimated: bool = False


class ModelUsed(BaseModel):
    """One call of a model, for a person. The id is the same however often the event is delivered."""

    kind: Literal["model"] = "model"
    id: DocumentName
    person: DocumentName
    at: Moment
    model: FieldName
    provider: str
    purpose: str
    subject: str
    """What it was for: the id of the message that it answered."""
    tokens: Tokens
    cost: Annotated[Micros, Field(ge=0, le=LARGEST)]
    context_ms: Amount | None = None
    first_token_ms: Amount | None = None
    duration_ms: Amount
    outcome: str
    reservation: DocumentName | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the person got what was asked for."""
        return self.outcome in ("completed", "stopped")


class ApiCall(BaseModel):
    """One request to a function, from the log line that ended it."""

    event: Literal["api_call"]
    person: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
    """The person's hash, as logs have it."""
    function: FieldName
    status: int
    duration_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LogEntry(BaseModel):
    """A line as a Cloud Logging sink publishes it (https://cloud.google.com/logging/docs/export/pubsub).

    The line's own `time` has become the entry's `timestamp` (https://cloud.google.com/logging/docs/structured-logging).
    """

    insert_id: Annotated[str, Field(alias="insertId")]
    log_name: Annotated[str, Field(alias="logName")]
    timestamp: Moment
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
