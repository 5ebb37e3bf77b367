"""A question is answered from the person's own day, streamed, cited, stored and metered."""

import uuid
from typing import Any

from tests.briefly import ADA, Briefly, Client, eventually
from tests.sse import Event, events, text


def ask(person: Client, question: str, conversation: str | None = None, **options: Any) -> tuple[str, dict[str, Any]]:
    """Ask in a conversation, a new one if none is named; the conversation and what the posting answered."""
    conversation = conversation or person.post("/chat/conversations", {}, 201)["id"]
    wish = {"id": uuid.uuid4().hex, "text": question, **options}
    return conversation, person.post(f"/chat/conversations/{conversation}/messages", wish, 201)


def answer(person: Client, run: str, **headers: str) -> list[Event]:
    """The whole stream of a run."""
    return list(events(person.call("GET", f"/stream/runs/{run}", stream=True, **headers)))


def test_an_answer_knows_the_day(briefly: Briefly) -> None:
    person = briefly.sign_up()
    person.connect_google()
    person.call("PATCH", "/users/me/preferences", {"time_zone": "Europe/Berlin"})
    question = "What does my day look like, and who is waiting for an answer from me?"
    conversation, posted = ask(person, question)
    read = answer(person, posted["run"]["id"])
    print([event.type for event in read])
    print(text(read))
    print(read[1].data, [e.data for e in read if e.type.startswith("source")][:5], read[-3:])
    assert read[-1].type == "done"
    assert read[-2].type == "finish"
