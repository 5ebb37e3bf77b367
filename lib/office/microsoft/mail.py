"""Reading an Outlook mailbox.

https://learn.microsoft.com/graph/api/user-list-messages
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar

from lib.accounts.models import Account
from lib.core import clock, telemetry
from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.office.calling import Caller, Json, required
from lib.office.identifiers import encode
from lib.office.invisible import line
from lib.office.merge import Ended, Place, Position, Stretch, instant
from lib.office.microsoft import messages
from lib.office.microsoft.client import ID, MAIL, GraphClient, target
from lib.office.microsoft.folders import LARGEST_PAGE, FolderReader, Folders, children
from lib.office.microsoft.search import MOST_SEARCH_RESULTS, Asked, received
from lib.office.models import Label, MailMessage, MailSummary, MailThread, RecentMessage
from lib.office.queries import MailQuery
from lib.office.reading import Reading
from lib.office.threads import MOST_FOLLOWED, Entry, Threads

MOST_IN_THREAD = 100
MOST_READ_OF_THREAD = 1000
SPARE = 10
"""So many more are asked for than wanted, since some will turn out to be spam, trash or drafts."""

_T = TypeVar("_T")


class MicrosoftMail:
    """The mailbox of one Microsoft account (`lib.office.ports.MailReader`)."""

    def __init__(self, person: UserId, account: Account, client: GraphClient | None = None) -> None:
        self._account = account
        self._client = client or GraphClient(MAIL, Caller(person, account))
        self._folders = FolderReader(self._client, account.id)

    def page(self, query: MailQuery, after: Position, limit: int) -> Stretch[MailSummary]:
        """As the port has it, in one round trip as long as the first page of Graph's holds enough.

        A page begins at the date where the last one ended, not at Graph's next link, which new mail would shift.
        """
        asked = Asked(query)
        if isinstance(after, Ended) or not asked.can_fit(self._account.id):
            return Stretch([], ended=True)
        first = self._first(asked, after, limit, messages.SUMMARY)
        folders, (answer,) = self._folders.read_with([first])
        found = self._read(asked, after, limit, required(answer), folders, messages.SUMMARY)
        return _mapped(found, {place: messages.summary(self._account, folders, one) for place, one in found.items})

    def recent(self, query: MailQuery, limit: int) -> Stretch[RecentMessage]:
        """As the port has it: in one round trip, or where words are searched for in two, and following pages."""
        asked = Asked(query)
        if not asked.can_fit(self._account.id):
            return Stretch([], ended=True)
        select = messages.JUDGED if asked.has_words else messages.FULL
        first = self._first(asked, None, limit, select, expand=messages.FILES)
        since = Asked(MailQuery(after=query.after)).listing(None, messages.TRACE, MOST_FOLLOWED)
        folders, (wanted, everything) = self._folders.read_with([first, since])
        found = self._read(asked, None, limit, required(wanted), folders, select)
        threads = self._threads(required(everything), folders)
        bodies = self._bodies(found) if asked.has_words else dict(found.items)
        return _mapped(found, {place: self._recent(threads, folders, one) for place, one in bodies.items()})

    def message(self, message_id: str) -> MailMessage:
        """One message. Raises `NotFound`."""
        folders, (answer,) = self._folders.read_with([self._message_call(message_id)])
        return messages.full(self._account, folders, required(answer))

    def thread(self, thread_id: str) -> MailThread:
        """One conversation; of a very long one the last hundred messages. Raises `NotFound`.

        Graph does not order what it filters by conversation.
        """
        if not ID.fullmatch(thread_id):
            raise NotFound()
        call = target(
            "me",
            "messages",
            filter=f"conversationId eq '{thread_id}'",
            select=messages.FULL,
            expand=messages.FILES,
            top=MOST_IN_THREAD,
        )
        folders, (answer,) = self._folders.read_with([call])
        members = [
            entry
            for entry in self._all(required(answer), MOST_READ_OF_THREAD)
            if not entry.get("isDraft") and entry["parentFolderId"] not in folders.trash
        ]
        if not members:
            raise NotFound()
        members.sort(key=lambda entry: (received(entry), entry["id"]))
        read = [messages.full(self._account, folders, member) for member in members[-MOST_IN_THREAD:]]
        return MailThread(
            id=encode(self._account.id, thread_id),
            account_id=self._account.id,
            subject=read[0].subject,
            messages=read,
        )

    def labels(self) -> list[Label]:
        """The folders, those within others by their path, and what messages are marked with; nothing of the trash."""
        call = target("me", "mailFolders", select="id,displayName,childFolderCount", top=LARGEST_PAGE)
        folders, (answer,) = self._folders.read_with([call])
        level = [("", folder) for folder in self._all(required(answer))]
        found = [Label(id=name, account_id=self._account.id, name=name.capitalize(), own=False) for name in _MARKS]
        while level:
            paths = {str(folder["id"]): f"{above}{line(folder.get('displayName') or '')}" for above, folder in level}
            found += [self._label(folders, folder_id, path) for folder_id, path in paths.items()]
            outside = [folder for _, folder in level if folder["id"] not in folders.trash]
            level = [(f"{paths[str(parent['id'])]}/", child) for parent, child in children(self._client, outside)]
        return found

    def _first(self, asked: Asked, after: Place | None, limit: int, select: str, expand: str | None = None) -> str:
        before = instant(-after.number) if after else None
        if asked.has_words:
            return asked.search(before, select)
        return asked.listing(before, select, limit + SPARE, expand)

    def _read(
        self, asked: Asked, after: Place | None, limit: int, first: Json, folders: Folders, select: str
    ) -> Stretch[Json]:
        """The first messages that fit, from this page on."""
        reading: Reading[Json] = Reading(after, limit)
        if asked.has_words:
            self._search(asked, reading, first, folders, select)
            return reading.stretch()
        for page in self._client.pages(first):
            for message in page["value"]:
                if reading.reach(messages.place(message)) and asked.fits(folders, message):
                    reading.keep(messages.place(message), message)
            reading.ended = self._client.following(page) is None
            if reading.is_enough:
                break
        return reading.stretch()

    def _search(self, asked: Asked, reading: Reading[Json], first: Json, folders: Folders, select: str) -> None:
        """All that a search finds, since it is ordered by dates that senders set.

        Of more than a thousand results Graph gives those sent last; then what came before them is searched for again.
        A search tells days only: where one has more than a thousand by itself, the search goes on before that day.
        """
        seen: set[str] = set()
        edge = clock.now()
        page: Json | None = first
        while page is not None:
            results = list(self._all(page))
            new = [message for message in results if message["id"] not in seen]
            for message in new:
                if reading.reach(messages.place(message)) and asked.fits(folders, message):
                    reading.keep(messages.place(message), message)
            seen.update(str(message["id"]) for message in new)
            reading.ended = len(results) < MOST_SEARCH_RESULTS
            if not new and not reading.ended:
                telemetry.warning("a day has more than a search gives", provider="microsoft", results=len(results))
            edge = min((received(message) for message in new), default=edge - timedelta(days=1))
            page = None if reading.is_enough else self._client.get(asked.search(edge, select))

    def _bodies(self, found: Stretch[Json]) -> dict[Place, Json]:
        """The messages in full; those that were deleted since they were found are left out."""
        calls = [self._message_call(str(message["id"])) for _, message in found.items]
        answers = self._client.batch(calls) if calls else []
        return {
            place: required(answer)
            for (place, _), answer in zip(found.items, answers, strict=True)
            if not isinstance(answer, NotFound)
        }

    def _threads(self, first: Json, folders: Folders) -> Threads:
        """How the newest messages follow each other."""
        entries = [
            Entry(str(one["id"]), str(one["conversationId"]), messages.is_own(self._account, folders, one))
            for one in self._all(first, MOST_FOLLOWED)
            if not one.get("isDraft") and not folders.is_out_of_sight(str(one["parentFolderId"]))
        ]
        return Threads(entries[:MOST_FOLLOWED])

    def _recent(self, threads: Threads, folders: Folders, message: Json) -> RecentMessage:
        named = str(message["id"]), str(message["conversationId"])
        return messages.recent(
            self._account,
            folders,
            message,
            answered=threads.answered(*named),
            last_in_thread=threads.is_last(*named),
        )

    def _all(self, first: Json, at_most: int | None = None) -> Iterator[Json]:
        """What a page and those after it hold, until there is enough."""
        count = 0
        for page in self._client.pages(first):
            for item in page["value"]:
                yield item
                count += 1
            if at_most is not None and count >= at_most:
                return

    def _message_call(self, message_id: str) -> str:
        if not ID.fullmatch(message_id):
            raise NotFound()
        return target("me", "messages", message_id, select=messages.FULL, expand=messages.FILES)

    def _label(self, folders: Folders, folder_id: str, path: str) -> Label:
        name = folders.label(folder_id)
        return Label(
            id=name or encode(self._account.id, folder_id),
            account_id=self._account.id,
            name=name.capitalize() if name else path,
            own=name is None,
        )


_MARKS = ("starred", "important")


def _mapped(found: Stretch[Json], made: dict[Place, _T]) -> Stretch[_T]:
    """The stretch of what was made of the messages."""
    return Stretch([(place, made[place]) for place, _ in found.items if place in made], found.ended)
