"""Reading a Gmail mailbox.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

import re
from datetime import UTC, datetime, timedelta

from lib.accounts.models import Account
from lib.core.errors import NotFound, Problem
from lib.core.store import UserId
from lib.office.google import messages
from lib.office.google.client import GMAIL, Call, GoogleClient, Json
from lib.office.google.search import GmailSearch, asks_for_nothing, gmail_search
from lib.office.identifiers import decode, encode
from lib.office.merge import Ended, Place, Position, Stretch
from lib.office.models import Label, MailMessage, MailSummary, MailThread, RecentMessage
from lib.office.queries import COMMON_LABELS, MailQuery

LARGEST_LIST = 500
MOST_IN_THREAD = 100

_ID = re.compile(r"[0-9a-f]{1,16}")


class GoogleMail:
    """The mailbox of one Google account (`lib.office.ports.MailReader`)."""

    def __init__(self, person: UserId, account: Account, client: GoogleClient | None = None) -> None:
        self._account = account
        self._client = client or GoogleClient(person, account, GMAIL)

    def page(self, query: MailQuery, after: Position, limit: int) -> Stretch[MailSummary]:
        """As the port has it: one list and one batch, as long as few messages share a second.

        A page begins at the date where the last one ended, not at Gmail's page token, which new mail would shift.
        """
        if isinstance(after, Ended) or self._is_elsewhere(query):
            return Stretch([], ended=True)
        search = gmail_search(query, _moment(after) if after else None)
        found: list[tuple[Place, MailSummary]] = []
        token: str | None = None
        while len(found) < limit:
            ids, token = self._listed(search, limit + (1 if after else 0), token)
            for message in self._messages(ids, format="full", fields=messages.SUMMARY_FIELDS):
                place = messages.place(message)
                if (after is None or place > after) and query.admits(messages.moment(message)):
                    found.append((place, messages.summary(self._account, message)))
            if token is None:
                break
        found.sort(key=lambda entry: entry[0])
        return Stretch(found[:limit], ended=token is None and len(found) <= limit)

    def recent(self, query: MailQuery, limit: int) -> Stretch[RecentMessage]:
        """As the port has it, in two round trips.

        Whatever is newer than a message of the query is in the list of everything since then. So the threads need not
        be read: the first message of a thread in that list is its last, and what was sent after a message answers it.
        Beyond the 500 newest messages, a message counts as not the last of its thread.
        """
        if self._is_elsewhere(query):
            return Stretch([], ended=True)
        since = MailQuery(after=query.after)
        sent = MailQuery(after=query.after, label="sent")
        wanted, everything, own = self._lists([(query, limit), (since, LARGEST_LIST), (sent, LARGEST_LIST)])
        threads = _Threads(everything["messages"], {entry["id"] for entry in own["messages"]})
        ids = [entry["id"] for entry in wanted["messages"]]
        found = [
            (
                messages.place(message),
                messages.recent(
                    self._account,
                    message,
                    answered=threads.answered(message),
                    last_in_thread=threads.is_last(message),
                ),
            )
            for message in self._messages(ids, format="full")
            if query.admits(messages.moment(message))
        ]
        return Stretch(sorted(found, key=lambda entry: entry[0]), ended="nextPageToken" not in wanted)

    def message(self, message_id: str) -> MailMessage:
        """One message. Raises `NotFound`."""
        if not _ID.fullmatch(message_id):
            raise NotFound()
        call = self._users.messages().get(userId="me", id=message_id, format="full")
        return messages.full(self._account, self._client.call(call))

    def thread(self, thread_id: str) -> MailThread:
        """One conversation; of a very long one the last hundred messages. Raises `NotFound`."""
        if not _ID.fullmatch(thread_id):
            raise NotFound()
        thread = self._client.call(self._users.threads().get(userId="me", id=thread_id, format="full"))
        members = [entry for entry in thread["messages"] if not {"DRAFT", "TRASH"} & set(entry.get("labelIds", []))]
        if not members:
            raise NotFound()
        read = [messages.full(self._account, member) for member in members[-MOST_IN_THREAD:]]
        return MailThread(
            id=encode(self._account.id, thread_id),
            account_id=self._account.id,
            subject=read[0].subject,
            messages=read,
        )

    def labels(self) -> list[Label]:
        """The labels."""
        answer = self._client.call(self._users.labels().list(userId="me"))
        labels = (messages.label(self._account, resource) for resource in answer.get("labels", []))
        return [label for label in labels if label is not None]

    @property
    def _users(self) -> Call:
        return self._client.methods.users()

    def _is_elsewhere(self, query: MailQuery) -> bool:
        """Whether nothing of this mailbox can fit: the label is another account's, or no word was asked for."""
        named = query.label if query.label not in COMMON_LABELS else None
        return asks_for_nothing(query) or (named is not None and decode(named).account_id != self._account.id)

    def _listed(self, search: GmailSearch, size: int, token: str | None) -> tuple[list[str], str | None]:
        """A page of ids, newest first, and the token of the next one."""
        answer = self._client.call(self._list_call(search, size, token))
        return [entry["id"] for entry in answer.get("messages", [])], answer.get("nextPageToken")

    def _lists(self, wanted: list[tuple[MailQuery, int]]) -> list[Json]:
        """Several lists of ids in one round trip."""
        answers = self._client.batch([self._list_call(gmail_search(query), size, None) for query, size in wanted])
        lists: list[Json] = []
        for answer in answers:
            if isinstance(answer, Problem):
                raise answer
            lists.append({"messages": []} | answer)
        return lists

    def _list_call(self, search: GmailSearch, size: int, token: str | None) -> Call:
        parameters = search.parameters | ({"pageToken": token} if token else {})
        return self._users.messages().list(userId="me", maxResults=min(size, LARGEST_LIST), **parameters)

    def _messages(self, ids: list[str], **parameters: str) -> list[Json]:
        """The messages; those that were deleted since they were listed are left out."""
        calls = [self._users.messages().get(userId="me", id=message_id, **parameters) for message_id in ids]
        found: list[Json] = []
        for answer in self._client.batch(calls):
            if isinstance(answer, Problem):
                if not isinstance(answer, NotFound):
                    raise answer
            else:
                found.append(answer)
        return found


class _Threads:
    """How the newest messages of a mailbox follow each other, newest first."""

    def __init__(self, newest_first: list[Json], sent: set[str]) -> None:
        self._last: dict[str, str] = {}
        self._age = {entry["id"]: age for age, entry in enumerate(newest_first)}
        self._last_answer: dict[str, int] = {}
        for age, entry in enumerate(newest_first):
            self._last.setdefault(entry["threadId"], entry["id"])
            if entry["id"] in sent:
                self._last_answer.setdefault(entry["threadId"], age)

    def is_last(self, message: Json) -> bool:
        """Whether nothing came after the message in its thread."""
        return bool(self._last.get(message["threadId"]) == message["id"])

    def answered(self, message: Json) -> bool:
        """Whether the owner wrote in the thread after the message."""
        answer = self._last_answer.get(message["threadId"])
        return answer is not None and answer < self._age.get(message["id"], LARGEST_LIST)


def _moment(after: Place) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=-after.number)
