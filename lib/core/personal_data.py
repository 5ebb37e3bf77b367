"""What a room keeps of a person, as each declares it: what an export holds of it, and how it ends.

Every collection below a person stands with one room, either among the exported ones or with the reason why not.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lib.core.store import Snapshot, UserId, delete_with_all_below, person

PAGE = 300
PROFILE = "profile"
"""The name of the person's own document."""


@dataclass(frozen=True)
class ExportedFile:
    """A file of an export, by its path there; the content comes in pieces, so that none has to fit into memory."""

    path: str
    content: Callable[[UserId], Iterator[bytes]]


@dataclass(frozen=True)
class PersonalData:
    """A room's part of what a person has here.

    `exported` are collections below the person's document, as `conversations/messages`; `withheld` those that no export
    holds, with the reason. `files` are further ones. `end` is what has to be done before the documents are deleted,
    which happens for all rooms together; it may be done again. `retain` deletes what is older than a moment, by kind.
    """

    room: str
    exported: tuple[str, ...]
    withheld: Mapping[str, str]
    files: tuple[ExportedFile, ...] = ()
    end: Callable[[UserId, str], None] | None = None
    """Called with the person, and the receipt of the deletion."""
    retain: Mapping[str, Callable[[UserId, datetime], None]] = field(default_factory=dict)

    def all_files(self) -> tuple[ExportedFile, ...]:
        """The files of an export: a line of JSON per document, and whatever else the room has."""
        documents = (ExportedFile(f"{self.room}/{_file(path)}.jsonl", _lines(path)) for path in self.exported)
        return (*documents, *self.files)


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _lines(path: str) -> Callable[[UserId], Iterator[bytes]]:
    return lambda user: (line(snapshot) for snapshot in _documents(user, path))


def line(snapshot: Snapshot) -> bytes:
    """A document as a line of JSON, with its path below the person; times as RFC 3339 has them."""
    below = snapshot.reference.path.split("/", 2)[2:]
    document = {"path": below[0] if below else PROFILE} | (snapshot.to_dict() or {})
    return json.dumps(document, default=_plain, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _documents(user: UserId, path: str) -> Iterator[Snapshot]:
    if path == PROFILE:
        own = person(user).get()
        yield from [own] if own.exists else []
        return
    outer, _, inner = path.partition("/")
    for snapshot in _pages(person(user).collection(outer)):
        if inner:
            yield from _pages(snapshot.reference.collection(inner))
        else:
            yield snapshot


def _pages(collection: Any) -> Iterator[Snapshot]:
    """All documents, a page at a time: one long reading would break off when its reader is slow."""
    last: Snapshot | None = None
    while True:
        query = collection.limit(PAGE)
        page = (query if last is None else query.start_after(last)).get()
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def erase_documents(user: UserId) -> bool:
    """Delete every document below the person in the default database; False if more were written meanwhile."""
    delete_with_all_below(person(user))
    return not any(person(user).collections())
