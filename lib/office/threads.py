"""How the newest messages of a mailbox follow each other."""

from collections.abc import Sequence
from typing import NamedTuple

MOST_FOLLOWED = 500


class Entry(NamedTuple):
    """A message of a thread; `own` if the mailbox's owner wrote it."""

    message_id: str
    thread_id: str
    own: bool


class Threads:
    """Places in threads, told from the list of everything that came lately: newest first, 500 entries at most.

    Whatever is newer than a message of that time is in the list. So the threads need not be read: the first message of
    a thread in the list is its last, and what its owner sent after a message answers it. A message that is older than
    the list counts as not the last of its thread.
    """

    def __init__(self, newest_first: Sequence[Entry]) -> None:
        self._last: dict[str, str] = {}
        self._age = {entry.message_id: age for age, entry in enumerate(newest_first)}
        self._last_answer: dict[str, int] = {}
        for age, entry in enumerate(newest_first):
            self._last.setdefault(entry.thread_id, entry.message_id)
            if entry.own:
                self._last_answer.setdefault(entry.thread_id, age)

    def is_last(self, message_id: str, thread_id: str) -> bool:
        """Whether nothing came after the message in its thread."""
        return self._last.get(thread_id) == message_id

    def answered(self, message_id: str, thread_id: str) -> bool:
        """Whether the owner wrote in the thread after the message."""
        answer = self._last_answer.get(thread_id)
        return answer is not None and answer < self._age.get(message_id, MOST_FOLLOWED)
