"""The ways in which a model fails to answer. None carries the provider's own words, which may quote the prompt."""

from datetime import timedelta
from typing import ClassVar

from lib.ai.models import Attempt, Outcome


class ModelError(Exception):
    """The model did not answer; `outcome` is the word for it in records."""

    outcome: ClassVar[Outcome] = "unavailable"


class ModelUnavailable(ModelError):
    """The provider cannot be reached, is overloaded or answers what cannot be read; another try may succeed."""


class ModelRateLimited(ModelError):
    """The provider wants fewer requests; `retry_after` is its own estimate of when to come back."""

    outcome = "rate_limited"

    def __init__(self, message: str, retry_after: timedelta | None = None):
        super().__init__(message)
        self.retry_after = retry_after


class ModelRejected(ModelError):
    """The provider refuses this request as it is (wrong, too long, not paid, bad key); repeating it is in vain."""

    outcome = "rejected"


class ModelTimedOut(ModelError):
    """No first token, or no further sign of life, in the time allowed."""

    outcome = "timed_out"


class ModelTruncated(ModelError):
    """The stream ended without saying that it had ended: what came is only a part."""

    outcome = "truncated"


class NoModelAnswered(ModelError):
    """Every model that was asked failed before its first token; `attempts` tells how, in order."""

    def __init__(self, attempts: tuple[Attempt, ...]):
        super().__init__("; ".join(f"{attempt.card.id}: {attempt.outcome}" for attempt in attempts) or "no model")
        self.attempts = attempts
