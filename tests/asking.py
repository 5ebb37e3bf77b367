"""Asks questions and reads the answers, as the front end does."""

import uuid
from typing import Any

from tests.briefly import Client
from tests.sse import Event, events


def ask(person: Client, question: str, conversation: str | None = None, **options: Any) -> tuple[str, dict[str, Any]]:
    """Ask in a conversation, a new one if none is named; the conversation and what the posting answered."""
    conversation = conversation or person.post("/chat/conversations", {}, 201)["id"]
    wish = {"id": uuid.uuid4().hex, "text": question, **options}
    return conversation, person.post(f"/chat/conversations/{conversation}/messages", wish, 201)


def answer(person: Client, run: str, **headers: str) -> list[Event]:
    """The whole stream of a run."""
    return list(events(person.call("GET", f"/stream/runs/{run}", stream=True, **headers)))
