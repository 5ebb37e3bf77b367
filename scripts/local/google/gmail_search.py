"""Gmail's search language: operators, quoted phrases, negation, OR, and groups.

Sources: https://support.google.com/mail/answer/7190 (operators);
https://developers.google.com/workspace/gmail/api/guides/filtering (a date means midnight in Pacific time; seconds since
the epoch are exact). Words match whole words in sender, recipients, subject, text and file names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from scripts.local import clock
from scripts.local.google.mailbox import Mailbox, StoredMessage

Predicate = Callable[[StoredMessage], bool]

_TOKEN = re.compile(r'\s*(-?\{|-?\(|\)|\}|-?(?:[A-Za-z_][A-Za-z0-9_]*:)?(?:"[^"]*"?|[^\s(){}"]*))')
_OPERATOR = re.compile(r"(-?)([A-Za-z_][A-Za-z0-9_]*):(.*)", re.DOTALL)
_WORD = re.compile(r"\w+")
_AGE = re.compile(r"(\d+)([dmy])")
_DATE = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})")
_PACIFIC = ZoneInfo("America/Los_Angeles")
_UNITS = {"d": relativedelta(days=1), "m": relativedelta(months=1), "y": relativedelta(years=1)}
_HIDDEN = {"SPAM", "TRASH"}
_PLACES = {
    "inbox": "INBOX",
    "sent": "SENT",
    "draft": "DRAFT",
    "drafts": "DRAFT",
    "spam": "SPAM",
    "trash": "TRASH",
    "important": "IMPORTANT",
    "starred": "STARRED",
    "unread": "UNREAD",
    "chats": "CHAT",
}


def words(text: str) -> list[str]:
    """The words of a text, caseless."""
    return _WORD.findall(text.casefold())


def _contains(text: str, phrase: list[str]) -> bool:
    """Whether the words stand in the text one after the other."""
    found = words(text)
    return any(found[place : place + len(phrase)] == phrase for place in range(len(found) - len(phrase) + 1))


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed query; `includes_hidden` if it looks into spam or trash by itself."""

    matches: Predicate
    includes_hidden: bool


def compile_search(query: str, mailbox: Mailbox) -> Search:
    """Parse a query for a mailbox. No query is wrong: what is not understood is searched as text."""
    tokens = [token for token in _TOKEN.findall(query) if token]
    parser = _Parser(tokens, mailbox)
    predicate = parser.every(None)
    while parser.tokens:
        parser.tokens.pop(0)
        predicate = _both(predicate, parser.every(None))
    hidden = re.search(r"(?<!-)\bin:(anywhere|spam|trash)\b", query, re.IGNORECASE)
    return Search(predicate, bool(hidden))


def visible(stored: StoredMessage) -> bool:
    """Whether a message is neither spam nor trash."""
    return not stored.labels & _HIDDEN


def _both(first: Predicate, second: Predicate) -> Predicate:
    return lambda stored: first(stored) and second(stored)


def _either(first: Predicate, second: Predicate) -> Predicate:
    return lambda stored: first(stored) or second(stored)


def _not(predicate: Predicate) -> Predicate:
    return lambda stored: not predicate(stored)


@dataclass(slots=True)
class _Parser:
    """Recursive descent; `operator` is the one that a group such as from:(a OR b) hands down."""

    tokens: list[str]
    mailbox: Mailbox
    operator: str | None = None

    def every(self, closing: str | None) -> Predicate:
        """Alternatives by OR bind closer than neighbours, as in Gmail."""
        result: Predicate | None = None
        while self.tokens and self.tokens[0] != closing and self.tokens[0] not in (")", "}"):
            term = self._alternatives()
            result = term if result is None else _both(result, term)
        return result or (lambda stored: True)

    def _alternatives(self) -> Predicate:
        term = self._term()
        while self.tokens and self.tokens[0] in ("OR", "|"):
            self.tokens.pop(0)
            if not self.tokens:
                break
            term = _either(term, self._term())
        return term

    def _term(self) -> Predicate:
        token = self.tokens.pop(0)
        negated = token.startswith("-") and len(token) > 1
        bare = token[1:] if negated else token
        if bare == "(":
            predicate = self._group()
        elif bare == "{":
            predicate = self._any_of()
        else:
            predicate = self._single(bare)
        return _not(predicate) if negated else predicate

    def _group(self) -> Predicate:
        predicate = self.every(")")
        if self.tokens:
            self.tokens.pop(0)
        return predicate

    def _any_of(self) -> Predicate:
        result: Predicate = lambda stored: False  # noqa: E731
        while self.tokens and self.tokens[0] != "}":
            result = _either(result, self._term())
        if self.tokens:
            self.tokens.pop(0)
        return result

    def _single(self, token: str) -> Predicate:
        named = _OPERATOR.fullmatch(token)
        if named is None:
            return self._apply(self.operator, token.strip('"'))
        operator, value = named[2].lower(), named[3]
        if not value and self.tokens and self.tokens[0] in ("(", "{"):
            outer, self.operator = self.operator, operator
            predicate = self._term()
            self.operator = outer
            return predicate
        return self._apply(operator, value.strip('"'))

    def _apply(self, operator: str | None, value: str) -> Predicate:
        if operator is None:
            return _text_predicate(value)
        if operator in ("label", "category", "in", "is", "has"):
            return self._place(operator, value)
        if operator in ("from", "to", "cc") and value.casefold() == "me":
            value = self.mailbox.owner
        return _field_predicate(operator, value) or _text_predicate(f"{operator}:{value}")

    def _place(self, operator: str, value: str) -> Predicate:
        name = value.casefold()
        if operator == "in" and name == "anywhere":
            return lambda stored: True
        if operator == "in" and name == "archive":
            return lambda stored: not stored.labels & {"INBOX", "SENT", "DRAFT", *_HIDDEN}
        if operator == "is" and name == "read":
            return lambda stored: "UNREAD" not in stored.labels
        if operator == "has":
            return _has_predicate(name, self.mailbox)
        if operator == "category":
            name = f"category_{'personal' if name == 'primary' else name}"
        return lambda stored: any(_same_label(name, self.mailbox.label_name(label)) for label in stored.labels)


def _same_label(asked: str, label: str) -> bool:
    """A label is asked for by its name; spaces and slashes may be dashes."""
    names = {label.casefold(), re.sub(r"[\s/]+", "-", label.casefold())}
    return asked in names or _PLACES.get(asked, "") == label


def _has_predicate(name: str, mailbox: Mailbox) -> Predicate:
    if name == "userlabels":
        return lambda stored: any(label in mailbox.label_names for label in stored.labels)
    if name == "nouserlabels":
        return lambda stored: not any(label in mailbox.label_names for label in stored.labels)
    if name == "attachment":
        return lambda stored: bool(stored.source.attachments)
    return lambda stored: any(name in attachment.mime_type for attachment in stored.source.attachments)


def _text_predicate(value: str) -> Predicate:
    phrase = words(value)
    return lambda stored: any(_contains(text, phrase) for text in _searchable(stored))


def _searchable(stored: StoredMessage) -> list[str]:
    source = stored.source
    people = [" ".join(address) for address in (source.sender, *source.to, *source.cc)]
    files = [attachment.filename for attachment in source.attachments]
    return [source.subject, source.text, *people, *files]


def _field_predicate(operator: str, value: str) -> Predicate | None:
    """The predicate of an operator that looks at one field, or None if it is unknown or its value makes no sense."""
    phrase = words(value)
    fields: dict[str, Callable[[StoredMessage], list[str]]] = {
        "from": lambda stored: [" ".join(stored.source.sender)],
        "to": lambda stored: [" ".join(address) for address in (*stored.source.to, *stored.source.cc)],
        "cc": lambda stored: [" ".join(address) for address in stored.source.cc],
        "subject": lambda stored: [stored.source.subject],
        "filename": lambda stored: [attachment.filename for attachment in stored.source.attachments],
        "list": lambda stored: [stored.source.headers.get("List-ID", stored.source.headers.get("List-Id", ""))],
        "deliveredto": lambda stored: [str(stored.document.get("Delivered-To", ""))],
    }
    if operator in fields:
        texts = fields[operator]
        return lambda stored: any(_contains(text, phrase) for text in texts(stored))
    if operator == "rfc822msgid":
        return lambda stored: stored.source.rfc822_message_id.strip("<>") == value.strip("<>")
    if operator in ("larger", "smaller", "size"):
        return _size_predicate(operator, value)
    return _time_predicate(operator, value)


def _size_predicate(operator: str, value: str) -> Predicate | None:
    size = re.fullmatch(r"(\d+)([km]?)b?", value.casefold())
    if size is None:
        return None
    limit = int(size[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[size[2]]
    if operator == "smaller":
        return lambda stored: len(stored.raw) < limit
    return lambda stored: len(stored.raw) > limit


def _time_predicate(operator: str, value: str) -> Predicate | None:
    if operator in ("newer_than", "older_than"):
        age = _AGE.fullmatch(value.casefold())
        if age is None:
            return None
        limit: datetime | None = clock.now() - _UNITS[age[2]] * int(age[1])
        newer = operator == "newer_than"
    elif operator in ("after", "newer", "before", "older"):
        limit, newer = _instant(value), operator in ("after", "newer")
    else:
        return None
    if limit is None:
        return None
    milliseconds = limit.timestamp() * 1000
    if newer:
        return lambda stored: stored.internal_date >= milliseconds
    return lambda stored: stored.internal_date < milliseconds


def _instant(value: str) -> datetime | None:
    if value.isdigit() and len(value) > 8:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(value))
    day = _DATE.fullmatch(value)
    if day is None:
        return None
    try:
        return datetime(int(day[1]), int(day[2]), int(day[3]), tzinfo=_PACIFIC)
    except ValueError:
        return None
