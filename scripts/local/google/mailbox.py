"""One person's mail at Google: messages, labels and the history of their changes.

System labels: https://developers.google.com/workspace/gmail/api/guides/labels ; history is kept about a week:
https://developers.google.com/workspace/gmail/api/guides/sync#limitations
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import cached_property
from typing import Literal

from scripts.local import clock
from scripts.local.google.mime import parse, snippet, to_rfc822
from scripts.local.people.models import Message, Person

ChangeKind = Literal["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]
SYSTEM_LABELS = (
    "CHAT",
    "SENT",
    "INBOX",
    "IMPORTANT",
    "TRASH",
    "DRAFT",
    "SPAM",
    "CATEGORY_FORUMS",
    "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_SOCIAL",
    "STARRED",
    "UNREAD",
)
_HISTORY_LIFETIME = timedelta(days=7)
_FIRST_HISTORY_ID = 1_000_000


@dataclass
class StoredMessage:
    """A message with what Gmail adds: label ids, the last change; `internal_date` in ms since the epoch."""

    source: Message
    owner: str
    labels: set[str]
    internal_date: int
    history_id: int
    snippet: str

    @cached_property
    def raw(self) -> bytes:
        """The mail in RFC 5322 form."""
        return to_rfc822(self.source, self.owner)

    @cached_property
    def document(self) -> EmailMessage:
        """The parsed form of `raw`."""
        return parse(self.raw)

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def thread_id(self) -> str:
        return self.source.thread_id


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the history; `labels` are those added or removed."""

    id: int
    at: datetime
    kind: ChangeKind
    message_id: str
    thread_id: str
    labels: tuple[str, ...]
    message_labels: tuple[str, ...]


@dataclass(slots=True)
class Mailbox:
    """Messages by id, names of the person's own labels by id, changes in order."""

    owner: str
    messages: dict[str, StoredMessage] = field(default_factory=dict)
    label_names: dict[str, str] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    history_id: int = _FIRST_HISTORY_ID
    _forgotten: int = _FIRST_HISTORY_ID

    @classmethod
    def of(cls, person: Person) -> "Mailbox":
        """A mailbox that received the person's messages at their dates."""
        mailbox = cls(person.email)
        for message in sorted(person.messages, key=lambda message: message.date):
            mailbox.add(message, message.date)
        return mailbox

    def add(self, message: Message, at: datetime | None = None) -> StoredMessage:
        """Deliver a message; ValueError if its id is taken."""
        if message.id in self.messages:
            raise ValueError(message.id)
        stored = StoredMessage(
            source=message,
            owner=self.owner,
            labels=self.label_ids(message.labels),
            internal_date=int(message.date.timestamp() * 1000),
            history_id=0,
            snippet=snippet(message),
        )
        self.messages[message.id] = stored
        self._record("messageAdded", stored, (), at)
        return stored

    def change_labels(self, message_id: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Put on and take off labels; KeyError if there is no such message."""
        stored = self.messages[message_id]
        added = self.label_ids(add) - stored.labels
        stored.labels |= added
        if added:
            self._record("labelAdded", stored, tuple(sorted(added)))
        removed = self.label_ids(remove) & stored.labels
        stored.labels -= removed
        if removed:
            self._record("labelRemoved", stored, tuple(sorted(removed)))

    def delete(self, message_id: str) -> None:
        """Delete for good; KeyError if there is no such message."""
        self._record("messageDeleted", self.messages.pop(message_id), ())

    def label_ids(self, names: Iterable[str]) -> set[str]:
        """The ids of labels; a system label's is its name, a new one of the person's own is numbered."""
        return {self._label_id(name) for name in names}

    def _label_id(self, name: str) -> str:
        if name in SYSTEM_LABELS or name in self.label_names:
            return name
        known = next((key for key, known_name in self.label_names.items() if known_name == name), None)
        label_id = known or f"Label_{len(self.label_names) + 1}"
        self.label_names[label_id] = name
        return label_id

    def label_name(self, label_id: str) -> str:
        """What a person reads."""
        return self.label_names.get(label_id, label_id)

    def _record(
        self, kind: ChangeKind, stored: StoredMessage, labels: tuple[str, ...], at: datetime | None = None
    ) -> None:
        self.history_id += 7
        stored.history_id = self.history_id
        message_labels = tuple(sorted(stored.labels))
        moment = at or clock.now()
        self.history.append(Change(self.history_id, moment, kind, stored.id, stored.thread_id, labels, message_labels))

    def newest_first(self) -> list[StoredMessage]:
        """Every message in the order of lists."""
        return sorted(self.messages.values(), key=lambda stored: (-stored.internal_date, stored.id))

    def thread(self, thread_id: str) -> list[StoredMessage]:
        """A conversation, oldest first."""
        members = [stored for stored in self.messages.values() if stored.thread_id == thread_id]
        return sorted(members, key=lambda stored: (stored.internal_date, stored.id))

    def oldest_known_history(self) -> int:
        """The smallest startHistoryId from which every change is still known."""
        limit = clock.now() - _HISTORY_LIFETIME
        aged = [change.id for change in self.history if change.at < limit]
        return max([self._forgotten, *aged])

    def forget_history(self) -> None:
        """Make every history id given out so far too old."""
        self.history_id += 7
        self._forgotten = self.history_id
