"""What chat keeps of a person, and what of it has to be ended."""

from datetime import datetime

from lib.chat import store
from lib.core.personal_data import PersonalData
from lib.core.store import UserId


def end(person: UserId, _: str) -> None:
    """Have answers that are being made stop, and none be begun."""
    store.end_runs(person)


def forget_unused_since(person: UserId, moment: datetime) -> None:
    """Delete the conversations in which nothing was said since a moment."""
    for conversation in store.conversations_unused_since(person, moment):
        store.delete(person, conversation)


PERSONAL_DATA = PersonalData(
    room="chat",
    exported=("conversations", "conversations/messages", "runs"),
    withheld={"chunks": "An answer in the pieces in which it came; as a whole it is among the messages."},
    end=end,
    retain={"conversations": forget_unused_since},
)
