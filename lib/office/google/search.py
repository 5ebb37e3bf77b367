"""A neutral query in Gmail's search language, with nothing of the person's text taken for an operator.

https://support.google.com/mail/answer/7190 ; seconds since the epoch are exact where dates would mean midnight in
California: https://developers.google.com/workspace/gmail/api/guides/filtering
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor

from lib.office.identifiers import decode
from lib.office.queries import MailQuery, phrases

SYSTEM_LABELS: Mapping[str, str] = {
    "inbox": "INBOX",
    "sent": "SENT",
    "drafts": "DRAFT",
    "spam": "SPAM",
    "trash": "TRASH",
    "starred": "STARRED",
    "important": "IMPORTANT",
    "personal": "CATEGORY_PERSONAL",
    "promotions": "CATEGORY_PROMOTIONS",
    "updates": "CATEGORY_UPDATES",
    "social": "CATEGORY_SOCIAL",
    "forums": "CATEGORY_FORUMS",
}
"""What the labels that every mailbox has are called here and there."""

_NO_DRAFTS = "-in:drafts -in:chats"


@dataclass(frozen=True)
class GmailSearch:
    """The parameters of users.messages.list."""

    q: str
    labels: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, object]:
        """As keyword arguments, without those that would be empty."""
        return {name: value for name, value in (("q", self.q), ("labelIds", list(self.labels))) if value}


def gmail_search(query: MailQuery, before: datetime | None = None) -> GmailSearch:
    """The search for a query, and for what is not much younger than `before`, if given.

    Times are widened to whole seconds: the caller drops what does not fit. Raises `NotFound` for an unknown label.
    """
    fields = (("", query.text), ("from:", query.from_), ("to:", query.to), ("subject:", query.subject))
    terms = [f'{operator}"{phrase}"' for operator, text in fields if text for phrase in phrases(text)]
    if query.has_attachment is not None:
        terms.append("has:attachment" if query.has_attachment else "-has:attachment")
    if query.unread is False:
        terms.append("is:read")
    if query.after is not None:
        terms.append(f"after:{max(0, floor(query.after.timestamp()) - 1)}")
    ends = [moment for moment in (query.before, before) if moment is not None]
    if ends:
        terms.append(f"before:{ceil(min(ends).timestamp()) + 1}")
    if query.label != "drafts":
        terms.append(_NO_DRAFTS)
    labels = (["UNREAD"] if query.unread else []) + ([_label(query.label)] if query.label else [])
    return GmailSearch(" ".join(terms), tuple(labels))


def _label(label: str) -> str:
    known = SYSTEM_LABELS.get(label)
    return known if known is not None else decode(label).provider_ids[0]
