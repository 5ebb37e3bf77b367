"""What can be asked of mail and events, in words that no provider owns."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from lib.core.http_models import SpelledOut
from lib.office.identifiers import decode

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

COMMON_LABELS = frozenset(
    (
        *("inbox", "sent", "drafts", "spam", "trash", "starred", "important"),
        *("personal", "promotions", "updates", "social", "forums"),
    )
)
"""The labels that every mailbox has."""

_PHRASE = re.compile(r'"([^"]*)"|(\S+)')


def _representable(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 9000:
        raise ValueError("has to lie between 1970 and 9000")
    return moment


Moment = Annotated[AwareDatetime, SpelledOut, AfterValidator(_representable)]
"""An instant with its offset from UTC, in years that every provider can be asked about."""


class MailQuery(BaseModel):
    """Which messages: all that fit every part that is given.

    `text`, `from_`, `to` and `subject` are words that all have to occur, "in quotes" as a phrase; nothing in them is an
    operator. `after` is inclusive, `before` is not. `label` is the id of a label, or one of `COMMON_LABELS`; without
    one, everything but drafts, spam and trash is searched.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    text: Words | None = None
    from_: Words | None = Field(default=None, alias="from")
    to: Words | None = None
    subject: Words | None = None
    unread: bool | None = None
    has_attachment: bool | None = None
    after: Moment | None = None
    before: Moment | None = None
    label: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None

    def filters(self) -> dict[str, Any]:
        """The parts that are given, to bind a cursor to."""
        return self.model_dump(mode="json", exclude_none=True, include=set(MailQuery.model_fields))

    def admits(self, moment: datetime) -> bool:
        """Whether a message of this date is asked for."""
        return (self.after is None or moment >= self.after) and (self.before is None or moment < self.before)

    def can_fit(self, account_id: str) -> bool:
        """Whether anything of the account can be asked for: not if the label is another's, or a part holds no word."""
        if any(text and not phrases(text) for text in (self.text, self.from_, self.to, self.subject)):
            return False
        return self.label is None or self.label in COMMON_LABELS or decode(self.label).account_id == account_id


def phrases(text: str) -> list[str]:
    """The words and quoted phrases of a text, without characters that a search language may give a meaning to."""
    found = [quoted or word for quoted, word in _PHRASE.findall(text)]
    cleaned = [re.sub(r'["\\\x00-\x1f\x7f]+', " ", phrase).strip() for phrase in found]
    return [phrase for phrase in cleaned if any(character.isalnum() for character in phrase)]
