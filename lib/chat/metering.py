"""What an answer cost, as the event that is counted: the same event, whoever tells it."""

from dataclasses import dataclass

from lib.ai import tokens
from lib.ai.models import Prompt, Usage
from lib.chat.models import Run, Work
from lib.core import clock
from lib.core.store import UserId
from lib.usage import rate_card
from lib.usage.models import ModelUsed, Tokens
from lib.usage.store import event_id

PURPOSE = "answer"


@dataclass(frozen=True)
class Times:
    """How long an answer took, in milliseconds; None for what did not come about or is not known."""

    duration: int
    context: int | None = None
    first_token: int | None = None


def used(user: UserId, run: Run, work: Work, usage: Usage, times: Times, outcome: str) -> ModelUsed:
    """The event of a run's present claim. Raises `UnknownPrice`."""
    spent = counted(usage)
    now = clock.now()
    return ModelUsed(
        id=event_id("chat", f"{run.id}/{run.epoch}"),
        person=user,
        at=now,
        model=work.model,
        provider=work.provider,
        purpose=PURPOSE,
        subject=run.answer_id,
        tokens=spent,
        cost=rate_card.price(work.model, spent, now),
        context_ms=times.context,
        first_token_ms=times.first_token,
        duration_ms=times.duration,
        outcome=outcome,
        reservation=work.reservation,
    )


def counted(usage: Usage) -> Tokens:
    """A model's usage as it is metered."""
    return Tokens(
        input=usage.input_tokens,
        cached_input=usage.cached_input_tokens,
        cache_write=usage.cache_write_tokens,
        output=usage.output_tokens,
        estimated=usage.estimated,
    )


def begun(model: str, provider: str, prompt: Prompt, reservation: str) -> Work:
    """What is kept about a model's work while it goes on."""
    return Work(model=model, provider=provider, input_tokens=tokens.estimate_prompt(prompt), reservation=reservation)


def broken_off(work: Work, written: str) -> Usage:
    """The usage of an answer whose model did not tell, because it was stopped or broke off: counted by us."""
    return Usage(input_tokens=work.input_tokens, output_tokens=tokens.estimate(written), estimated=True)
