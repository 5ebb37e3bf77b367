"""Reading a Gmail mailbox.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

import re

from lib.accounts.models import Account
from lib.core.errors import NotFound, Problem
from lib.core.store import UserId
from lib.office.calling import Caller, Json, required
from lib.office.google import messages
from lib.office.google.client import GMAIL, Call, GoogleClient
from lib.office.google.search import GmailSearch, gmail_search
from lib.office.identifiers import encode
from lib.office.merge import Ended, Position, Stretch, instant
from lib.office.models import Label, MailMessage, MailSummary, MailThread, RecentMessage
from lib.office.queries import MailQuery
from lib.office.reading import Reading
from lib.office.threads import MOST_FOLLOWED, Entry, Threads

LARGEST_LIST = 500
MOST_IN_THREAD = 100

_ID = re.compile(r"[0-9a-f]{1,16}")


class GoogleMail:
    """The mailbox of one Google account (`lib.office.ports.MailReader`)."""

    def __init__(self, person: UserId, account: Account, client: GoogleClient | None = None) -> None:
        self._account = account
        self._client = client or GoogleClient(GMAIL, Caller(person, account))

    def page(self, query: MailQuery, after: Position, limit: int) -> Stretch[MailSummary]:
        """As the port has it: one list and one batch, as long as few messages share a second.

        A page begins at the date where the last one ended, not at Gmail's page token, which new mail would shift.
        """
        if isinstance(after, Ended) or not query.can_fit(self._account.id):
            return Stretch([], ended=True)
        search = gmail_search(query, instant(-after.number) if after else None)
        reading: Reading[MailSummary] = Reading(after, limit)
        token: str | None = None
        while not reading.is_enough:
            ids, token = self._listed(search, limit + (2 if after else 1), token)
            for message in self._messages(ids, format="full", fields=messages.SUMMARY_FIELDS):
                place = messages.place(message)
                if reading.reach(place) and query.admits(messages.moment(message)):
                    reading.keep(place, messages.summary(self._account, message))
            reading.ended = token is None
        return reading.stretch()

    def recent(self, query: MailQuery, limit: int) -> Stretch[RecentMessage]:
        """As the port has it, in two round trips: the lists, then the messages."""
        if not query.can_fit(self._account.id):
            return Stretch([], ended=True)
        since = MailQuery(after=query.after)
        sent = MailQuery(after=query.after, label="sent")
        wanted, everything, own = self._lists([(query, limit), (since, MOST_FOLLOWED), (sent, MOST_FOLLOWED)])
        sent_ids = {entry["id"] for entry in own["messages"]}
        threads = Threads(
            [Entry(entry["id"], entry["threadId"], entry["id"] in sent_ids) for entry in everything["messages"]]
        )
        ids = [entry["id"] for entry in wanted["messages"]]
        found = [
            (
                messages.place(message),
                messages.recent(
                    self._account,
                    message,
                    answered=threads.answered(message["id"], message["threadId"]),
                    last_in_thread=threads.is_last(message["id"], message["threadId"]),
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

    def _listed(self, search: GmailSearch, size: int, token: str | None) -> tuple[list[str], str | None]:
        """A page of ids, newest first, and the token of the next one."""
        answer = self._client.call(self._list_call(search, size, token))
        return [entry["id"] for entry in answer.get("messages", [])], answer.get("nextPageToken")

    def _lists(self, wanted: list[tuple[MailQuery, int]]) -> list[Json]:
        """Several lists of ids in one round trip."""
        answers = self._client.batch([self._list_call(gmail_search(query), size, None) for query, size in wanted])
        return [{"messages": []} | required(answer) for answer in answers]

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
