"""A neutral query as Graph can be asked it: by $filter, or where there are words by $search, which excludes the other.

What neither can say is filtered here (`Asked.fits`). Graph wants what it orders by first in the filter
(https://learn.microsoft.com/graph/api/user-list-messages#using-filter-and-orderby-in-the-same-query), and searches in
Keyword Query Language (https://learn.microsoft.com/graph/search-query-parameter).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor

from lib.office.calling import Json
from lib.office.identifiers import decode
from lib.office.microsoft.client import target
from lib.office.microsoft.folders import WELL_KNOWN, Folders
from lib.office.queries import COMMON_LABELS, MailQuery, phrases

MOST_SEARCH_RESULTS = 1000
LARGEST_SEARCH_PAGE = 250

_MARKS: Mapping[str, str] = {"starred": "flag/flagStatus eq 'flagged'", "important": "importance eq 'high'"}
_ELSEWHERE = COMMON_LABELS - WELL_KNOWN.keys() - _MARKS.keys()
"""Labels that every mailbox has, but not at Microsoft."""

_FIRST_MAIL = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = {"text": "", "from_": "from:", "to": "recipients:", "subject": "subject:"}


@dataclass(frozen=True)
class Asked:
    """A query as this mailbox can be asked it."""

    query: MailQuery

    @property
    def has_words(self) -> bool:
        """Whether it takes a search, whose results come by the date of sending, and never more than a thousand."""
        return any(getattr(self.query, field) for field in _FIELDS)

    def can_fit(self, account_id: str) -> bool:
        """Whether anything of the account can be asked for."""
        return self.query.label not in _ELSEWHERE and self.query.can_fit(account_id)

    def fits(self, folders: Folders, message: Json) -> bool:
        """Whether a message that Graph found is asked for."""
        query, label = self.query, self.query.label
        if message.get("isDraft") and label != "drafts":
            return False
        if self._folder() is None and folders.is_out_of_sight(str(message["parentFolderId"])):
            return False
        return (
            query.admits(received(message))
            and (query.unread is None or query.unread is not message["isRead"])
            and (query.has_attachment is None or query.has_attachment is message["hasAttachments"])
            and (label != "starred" or is_flagged(message))
            and (label != "important" or is_important(message))
        )

    def listing(self, before: datetime | None, select: str, top: int, expand: str | None = None) -> str:
        """The call that lists messages by the date of receiving, newest first; for a query without words."""
        order = "receivedDateTime desc"
        return target(*self._place(), filter=self._filter(before), orderby=order, select=select, top=top, expand=expand)

    def search(self, before: datetime | None, select: str) -> str:
        """The call that searches; for a query with words."""
        escaped = self._words(before).replace("\\", "\\\\").replace('"', '\\"')
        return target(*self._place(), search=f'"{escaped}"', select=select, top=LARGEST_SEARCH_PAGE)

    def _filter(self, before: datetime | None) -> str:
        """Times are widened to whole seconds, for Graph compares fractions that it does not show."""
        query = self.query
        begin = query.after or _FIRST_MAIL
        clauses = [f"receivedDateTime ge {_second(floor(begin.timestamp()))}"]
        end = _earliest(query.before, before)
        if end is not None:
            clauses.append(f"receivedDateTime lt {_second(ceil(end.timestamp()) + 1)}")
        if query.unread is not None:
            clauses.append(f"isRead eq {_truth(not query.unread)}")
        if query.has_attachment is not None:
            clauses.append(f"hasAttachments eq {_truth(query.has_attachment)}")
        if (mark := _MARKS.get(query.label or "")) is not None:
            clauses.append(mark)
        return " and ".join(clauses)

    def _words(self, before: datetime | None) -> str:
        """Terms joined by AND, since KQL takes two terms of one property for alternatives; dates widened by a day."""
        query = self.query
        terms = [
            f'{operator}"{phrase}"' for field, operator in _FIELDS.items() for phrase in _phrases(getattr(query, field))
        ]
        if query.has_attachment is not None:
            terms.append(f"hasAttachments:{_truth(query.has_attachment)}")
        if query.after is not None:
            terms.append(f"received>={_day(query.after - timedelta(days=1))}")
        end = _earliest(query.before, before)
        if end is not None:
            terms.append(f"received<={_day(end + timedelta(days=1))}")
        return " AND ".join(terms)

    def _folder(self) -> str | None:
        """The folder that is looked into; None for the whole mailbox."""
        label = self.query.label
        if label is None or label in _MARKS:
            return None
        return WELL_KNOWN[label] if label in WELL_KNOWN else decode(label).provider_ids[0]

    def _place(self) -> tuple[str, ...]:
        folder = self._folder()
        return ("me", "messages") if folder is None else ("me", "mailFolders", folder, "messages")


def received(message: Json) -> datetime:
    """When Outlook received or sent it."""
    return datetime.fromisoformat(message["receivedDateTime"])


def is_flagged(message: Json) -> bool:
    """Whether the person means to come back to it."""
    return bool(message.get("flag", {}).get("flagStatus") == "flagged")


def is_important(message: Json) -> bool:
    """Whether its sender called it important."""
    return bool(message.get("importance") == "high")


def _phrases(text: str | None) -> list[str]:
    """An asterisk would mean any ending."""
    return [phrase.replace("*", " ").strip() for phrase in phrases(text or "")]


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _second(seconds: int) -> str:
    return datetime.fromtimestamp(max(0, seconds), UTC).isoformat().replace("+00:00", "Z")


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _truth(value: bool) -> str:
    return "true" if value else "false"
