"""One person's mail at Microsoft: messages in folders, each with the version of its last change.

Folders: https://learn.microsoft.com/graph/api/resources/mailfolder
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from scripts.local import clock
from scripts.local.microsoft.graph.identifiers import (
    change_key,
    container_id,
    conversation_id,
    immutable_id,
    ordinary_id,
)
from scripts.local.microsoft.graph.message_text import crlf, html_of, text_of
from scripts.local.people.models import Attachment, Message, Person

ROOT = "msgfolderroot"
WELL_KNOWN = {
    "archive": "Archive",
    "conversationhistory": "Conversation History",
    "deleteditems": "Deleted Items",
    "drafts": "Drafts",
    "inbox": "Inbox",
    "junkemail": "Junk Email",
    "outbox": "Outbox",
    "sentitems": "Sent Items",
}
_CHILDREN = {"keepsakes": ("Keepsakes", "inbox")}
_PLACES = {"SPAM": "junkemail", "TRASH": "deleteditems", "DRAFT": "drafts", "SENT": "sentitems", "INBOX": "inbox"}
_STATES = frozenset((*_PLACES, "UNREAD", "STARRED", "IMPORTANT"))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; `parent` is the key of the one that it lies in."""

    key: str
    name: str
    parent: str | None


@dataclass
class StoredMessage:
    """A message with what Outlook adds; `moves` counts how often it went to another folder."""

    source: Message
    owner: str
    folder: str
    is_read: bool
    flagged: bool
    important: bool
    focused: bool
    categories: tuple[str, ...]
    modified: datetime
    version: int = 1
    moves: int = 0

    @classmethod
    def of(cls, message: Message, owner: str) -> "StoredMessage":
        """The message as delivered: its labels say where it lies and how it is marked."""
        labels = message.labels
        folder = next((place for label, place in _PLACES.items() if label in labels), "archive")
        promoted = any(label.startswith("CATEGORY_") for label in labels)
        return cls(
            source=message,
            owner=owner,
            folder=folder,
            is_read="UNREAD" not in labels,
            flagged="STARRED" in labels,
            important="IMPORTANT" in labels,
            focused=not promoted,
            categories=tuple(label for label in labels if label not in _STATES and not label.startswith("CATEGORY_")),
            modified=message.date,
        )

    @property
    def key(self) -> str:
        return self.source.id

    @cached_property
    def immutable_id(self) -> str:
        """The id that survives a move."""
        return immutable_id(self.owner, "message", self.key)

    @property
    def ordinary_id(self) -> str:
        """The id as long as the message stays where it is."""
        return ordinary_id(self.owner, "message", self.key, f"{self.folder} {self.moves}")

    @property
    def conversation_id(self) -> str:
        return conversation_id(self.owner, self.source.thread_id)

    @property
    def change_key(self) -> str:
        return change_key(self.owner, self.key, self.version)

    @cached_property
    def text(self) -> str:
        """The body as text; of two forms Exchange keeps the HTML one."""
        return crlf(self.source.text) if self.source.html is None else text_of(self.source.html)

    @cached_property
    def html(self) -> str:
        """The body as HTML."""
        return self.source.html if self.source.html is not None else html_of(self.source.text)

    @property
    def size(self) -> int:
        """About how many bytes the message takes."""
        return len(self.html.encode()) + sum(len(attachment.data) for attachment in self.source.attachments)

    @property
    def is_invitation(self) -> bool:
        """Whether it asks for an answer to a meeting, which is then no attachment of its own."""
        return any(_is_invitation(attachment) for attachment in self.source.attachments)

    @property
    def attachments(self) -> list[Attachment]:
        """The files that it carries."""
        return [attachment for attachment in self.source.attachments if not _is_invitation(attachment)]


def _is_invitation(attachment: Attachment) -> bool:
    return attachment.mime_type.startswith("text/calendar")


@dataclass(slots=True)
class Mailbox:
    """Messages and folders by key."""

    owner: str
    messages: dict[str, StoredMessage] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)

    @classmethod
    def of(cls, person: Person) -> "Mailbox":
        """A mailbox that received the person's messages at their dates."""
        mailbox = cls(person.email)
        mailbox.folders[ROOT] = Folder(ROOT, "Top of Information Store", None)
        for key, name in WELL_KNOWN.items():
            mailbox.folders[key] = Folder(key, name, ROOT)
        for key, (name, parent) in _CHILDREN.items():
            mailbox.folders[key] = Folder(key, name, parent)
        for message in person.messages:
            mailbox.add(message)
        return mailbox

    def add(self, message: Message) -> StoredMessage:
        """Deliver a message; ValueError if its id is taken."""
        if message.id in self.messages:
            raise ValueError(message.id)
        self.messages[message.id] = StoredMessage.of(message, self.owner)
        return self.messages[message.id]

    def newest_first(self, folder: str | None = None) -> list[StoredMessage]:
        """The messages of a folder, or all, in the order in which Outlook lists them."""
        found = [stored for stored in self.messages.values() if folder in (None, stored.folder)]
        return sorted(found, key=lambda stored: (stored.source.date, stored.key), reverse=True)

    def find(self, message_id: str, immutable: bool) -> StoredMessage | None:
        """The message that an id of the kind names now."""
        return next(
            (
                stored
                for stored in self.messages.values()
                if message_id == (stored.immutable_id if immutable else stored.ordinary_id)
            ),
            None,
        )

    def move(self, stored: StoredMessage, folder: str) -> None:
        """Put a message into another folder, which gives it another ordinary id; KeyError if there is none."""
        stored.folder = self.folders[folder].key
        stored.moves += 1
        self.touch(stored)

    def mark(
        self,
        stored: StoredMessage,
        *,
        is_read: bool | None = None,
        flagged: bool | None = None,
        important: bool | None = None,
        focused: bool | None = None,
        categories: Iterable[str] | None = None,
    ) -> None:
        """Change what a message is marked with; what is not given stays."""
        stored.is_read = stored.is_read if is_read is None else is_read
        stored.flagged = stored.flagged if flagged is None else flagged
        stored.important = stored.important if important is None else important
        stored.focused = stored.focused if focused is None else focused
        stored.categories = stored.categories if categories is None else tuple(categories)
        self.touch(stored)

    def touch(self, stored: StoredMessage) -> None:
        """Note that a message has changed just now."""
        stored.version += 1
        stored.modified = clock.now()

    def delete(self, stored: StoredMessage) -> None:
        """Delete for good."""
        del self.messages[stored.key]

    def folder_id(self, key: str) -> str:
        """The lasting id of a folder."""
        return container_id(self.owner, "folder", key)

    def find_folder(self, named: str) -> Folder | None:
        """The folder of an id, or of a well-known name in any case."""
        if named.casefold() in (ROOT, *WELL_KNOWN):
            return self.folders[named.casefold()]
        return next((folder for folder in self.folders.values() if self.folder_id(folder.key) == named), None)

    def children(self, parent: str) -> list[Folder]:
        """The folders in a folder, by name."""
        return sorted(
            (folder for folder in self.folders.values() if folder.parent == parent), key=lambda folder: folder.name
        )
