"""What the folders of a mailbox mean: which of them every mailbox has, and what counts as spam and trash.

https://learn.microsoft.com/graph/api/resources/mailfolder
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from lib.core import clock
from lib.core.errors import NotFound, Problem
from lib.office.calling import Json, required
from lib.office.microsoft.client import GraphClient, target

WELL_KNOWN: Mapping[str, str] = {
    "inbox": "inbox",
    "sent": "sentitems",
    "drafts": "drafts",
    "spam": "junkemail",
    "trash": "deleteditems",
}
"""What the labels that are folders of every mailbox are called there."""

MOST_MAILBOXES = 10_000
LARGEST_PAGE = 250

_KEPT_FOR = timedelta(hours=1)
_IN_TRASH = target("me", "mailFolders", "deleteditems", "childFolders", select="id,childFolderCount", top=LARGEST_PAGE)


@dataclass(frozen=True)
class Folders:
    """The ids of the folders that every mailbox has, by our names for them, and of those in the trash."""

    ids: Mapping[str, str]
    trash: frozenset[str]

    def label(self, folder_id: str) -> str | None:
        """Our name for a folder that every mailbox has."""
        return next((name for name, known in self.ids.items() if known == folder_id), None)

    def is_out_of_sight(self, folder_id: str) -> bool:
        """Whether what lies in the folder is only seen by those who look for it there."""
        return folder_id in self.trash or folder_id == self.ids.get("spam")


class FolderReader:
    """Reads the folders of a mailbox together with other things, in the same round trip.

    The ids of the well-known folders never change, and are kept in this process's memory for an hour.
    """

    def __init__(self, client: GraphClient, account_id: str) -> None:
        self._client = client
        self._mailbox = (client.endpoint, account_id)

    def read_with(self, calls: Iterable[str]) -> tuple[Folders, list[Json | Problem]]:
        """The folders, and the answers to the calls."""
        asked = list(calls)
        ids = _recall(self._mailbox)
        unknown = WELL_KNOWN if ids is None else {}
        by_name = [target("me", "mailFolders", known, select="id") for known in unknown.values()]
        in_trash, *answers = self._client.batch([_IN_TRASH, *by_name, *asked])
        if ids is None:
            found = dict(zip(unknown, answers, strict=False))
            ids = {name: str(entry["id"]) for name, answer in found.items() if (entry := _there(answer)) is not None}
            _remember(self._mailbox, ids)
        trash = {*self._below(in_trash), *([ids["trash"]] if "trash" in ids else [])}
        return Folders(ids, frozenset(trash)), answers[len(by_name) :]

    def _below(self, answer: Json | Problem) -> Iterable[str]:
        """The folders of an answer and those below them, of which most trash has none."""
        first = _there(answer)
        level = [] if first is None else [folder for page in self._client.pages(first) for folder in page["value"]]
        while level:
            yield from (str(folder["id"]) for folder in level)
            level = [child for _, child in children(self._client, level)]


def children(client: GraphClient, folders: Iterable[Json]) -> list[tuple[Json, Json]]:
    """The folders within these ones, each with the one that it lies in."""
    parents = [folder for folder in folders if folder.get("childFolderCount")]
    select = "id,displayName,childFolderCount"
    calls = [
        target("me", "mailFolders", str(parent["id"]), "childFolders", select=select, top=LARGEST_PAGE)
        for parent in parents
    ]
    answers = client.batch(calls) if calls else []
    return [
        (parent, child)
        for parent, answer in zip(parents, answers, strict=True)
        if (first := _there(answer)) is not None
        for page in client.pages(first)
        for child in page["value"]
    ]


def _there(answer: Json | Problem) -> Json | None:
    """The answer; None if the mailbox has no such folder. Raises what else went wrong."""
    return None if isinstance(answer, NotFound) else required(answer)


_lock = Lock()
_kept: dict[tuple[str, str], tuple[Mapping[str, str], datetime]] = {}


def _recall(mailbox: tuple[str, str]) -> Mapping[str, str] | None:
    with _lock:
        ids, until = _kept.get(mailbox, (None, clock.now()))
    return ids if until > clock.now() else None


def _remember(mailbox: tuple[str, str], ids: Mapping[str, str]) -> None:
    with _lock:
        if len(_kept) >= MOST_MAILBOXES:
            _kept.clear()
        _kept[mailbox] = (ids, clock.now() + _KEPT_FOR)
