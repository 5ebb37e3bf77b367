"""Calls of models, as whoever made them tells."""

import secrets
from typing import Any

from lib.core import clock
from lib.usage.models import Micros, ModelUsed, Tokens


def used(person: str, **changes: Any) -> ModelUsed:
    """A call of a model for the person, just now."""
    event = ModelUsed(
        id=f"use_{secrets.token_hex(12)}",
        person=person,
        at=clock.now(),
        model="local-extractive",
        provider="openai",
        purpose="answer",
        subject="msg_1",
        tokens=Tokens(input=70, output=30),
        cost=Micros(500),
        duration_ms=12,
        outcome="completed",
    )
    return event.model_copy(update=changes)
