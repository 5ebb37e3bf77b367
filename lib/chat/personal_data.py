"""What chat keeps of a person, and what of it has to be ended."""

from lib.chat import store
from lib.core.personal_data import PersonalData
from lib.core.store import UserId


def end(person: UserId, _: str) -> None:
    """Have answers that are being made stop, and none be begun."""
    store.end_runs(person)


PERSONAL_DATA = PersonalData(
    room="chat",
    exported=("conversations", "conversations/messages", "runs"),
    withheld={"chunks": "An answer in the pieces in which it came; as a whole it is among the messages."},
    end=end,
)
