"""The Keyword Query Language over messages: words, phrases, property restrictions, AND, OR, NOT, parentheses.

Free text looks into sender, subject and body; `word*` stands for what begins so; neighbours must both match, except
that restrictions of one property are alternatives.
Sources: https://learn.microsoft.com/graph/search-query-parameter and
https://learn.microsoft.com/sharepoint/dev/general-development/keyword-query-language-kql-syntax-reference
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from scripts.local import clock
from scripts.local.microsoft.graph.errors import bad_request
from scripts.local.microsoft.graph.mailbox import StoredMessage
from scripts.local.people.models import Address

Predicate = Callable[[StoredMessage], bool]
MAXIMUM_RESULTS = 1_000
_TOKEN = re.compile(r'\s*([()]|-?(?:[A-Za-z]+(?::|>=|<=|<>|=|>|<))?(?:"[^"]*"|[^\s()"]+)|[A-Za-z]+:)')
_RESTRICTION = re.compile(r"([A-Za-z]+)(:|>=|<=|<>|=|>|<)(.+)", re.DOTALL)
_WORD = re.compile(r"\w+")
_CLAUSE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


@dataclass(frozen=True, slots=True)
class _Term:
    """A restriction, with the property that it restricts, or free text."""

    matches: Predicate
    name: str | None = None


def parse_search(clause: str) -> Predicate:
    """Read a $search clause, which stands in double quotes as a whole. Raises GraphError."""
    if not _CLAUSE.fullmatch(clause.strip()):
        place = next((index for index, letter in enumerate(clause) if not (letter.isalpha() or letter == " ")), 0)
        if clause:
            raise bad_request(
                f"Syntax error: character '{clause[place]}' is not valid at position {place} in '{clause}'."
            )
        raise bad_request("Syntax error: a search clause is missing.")
    query = re.sub(r"\\(.)", r"\1", clause.strip()[1:-1])
    parser = _Parser([match[1] for match in _TOKEN.finditer(query)])
    predicate = parser.either()
    if parser.tokens:
        raise bad_request(f"Syntax error in the search clause '{query}'.")
    return predicate


@dataclass(slots=True)
class _Parser:
    """Recursive descent over the tokens that are left."""

    tokens: list[str]

    def either(self) -> Predicate:
        """Alternatives by OR."""
        terms = [self._every()]
        while self.tokens and self.tokens[0] == "OR":
            self.tokens.pop(0)
            terms.append(self._every())
        return terms[0] if len(terms) == 1 else lambda stored: any(term(stored) for term in terms)

    def _every(self) -> Predicate:
        groups: list[list[Predicate]] = []
        previous: str | None = None
        explicit = False
        while self.tokens and self.tokens[0] not in (")", "OR"):
            if self.tokens[0] == "AND":
                self.tokens.pop(0)
                explicit = True
                continue
            term = self._term()
            if groups and term.name and term.name == previous and not explicit:
                groups[-1].append(term.matches)
            else:
                groups.append([term.matches])
            previous, explicit = term.name, False
        return lambda stored: all(any(one(stored) for one in group) for group in groups)

    def _term(self) -> _Term:
        token = self.tokens.pop(0)
        if token == "NOT":
            if not self.tokens:
                raise bad_request("Syntax error in the search clause: nothing follows NOT.")
            inner = self._term().matches
            return _Term(lambda stored: not inner(stored))
        if token == "(":
            group = self.either()
            if not self.tokens:
                raise bad_request("Syntax error in the search clause: a parenthesis is not closed.")
            self.tokens.pop(0)
            return _Term(group)
        if token.startswith("-") and len(token) > 1:
            excluded = _single(token[1:]).matches
            return _Term(lambda stored: not excluded(stored))
        return _single(token)


def _single(token: str) -> _Term:
    restriction = _RESTRICTION.fullmatch(token)
    if restriction and not token.startswith('"'):
        name, sign, value = restriction[1].casefold(), restriction[2], restriction[3].strip('"')
        predicate = _restriction(name, sign, value)
        if predicate is not None:
            return _Term(predicate, name)
    phrase = token.strip('"')
    return _Term(lambda stored: any(_contains(text, phrase) for text in _default_texts(stored)))


def _restriction(name: str, sign: str, value: str) -> Predicate | None:
    """The predicate of a property, or None if Outlook knows none of that name."""
    if name in ("received", "sent", "date"):
        return _when(sign, value)
    if name == "size":
        return _size(sign, value)
    if name in ("hasattachment", "hasattachments"):
        wanted = value.casefold() in ("true", "yes", "1")
        return lambda stored: bool(stored.attachments) == wanted
    if name == "isread":
        return lambda stored: stored.is_read == (value.casefold() in ("true", "yes", "1"))
    if name == "importance":
        return lambda stored: ("high" if stored.important else "normal") == value.casefold()
    if name == "kind":
        kinds = {"email": False, "meetings": True}
        return lambda stored: kinds.get(value.casefold()) == stored.is_invitation
    if name == "category":
        return lambda stored: value.casefold() in (category.casefold() for category in stored.categories)
    texts = _TEXTS.get(name)
    return None if texts is None else lambda stored: any(_contains(text, value) for text in texts(stored))


def _people(addresses: Iterable[Address]) -> list[str]:
    return [f"{name} {email}" for name, email in addresses]


_TEXTS: dict[str, Callable[[StoredMessage], list[str]]] = {
    "from": lambda stored: _people([stored.source.sender]),
    "to": lambda stored: _people(stored.source.to),
    "cc": lambda stored: _people(stored.source.cc),
    "bcc": lambda stored: [],
    "recipients": lambda stored: _people([*stored.source.to, *stored.source.cc]),
    "participants": lambda stored: _people([stored.source.sender, *stored.source.to, *stored.source.cc]),
    "subject": lambda stored: [stored.source.subject],
    "body": lambda stored: [stored.text],
    "attachment": lambda stored: [attachment.filename for attachment in stored.attachments],
}


def _default_texts(stored: StoredMessage) -> list[str]:
    return [*_people([stored.source.sender]), stored.source.subject, stored.text]


def _contains(text: str, phrase: str) -> bool:
    """Whether the words of the phrase stand in the text one after the other, the last one cut short by an asterisk."""
    wanted, found = _WORD.findall(phrase.casefold()), _WORD.findall(text.casefold())
    if not wanted:
        return False
    *whole, last = wanted
    cut = phrase.rstrip().endswith("*")
    for place in range(len(found) - len(wanted) + 1):
        ending = found[place + len(whole)]
        if found[place : place + len(whole)] == whole and (ending.startswith(last) if cut else ending == last):
            return True
    return False


def _when(sign: str, value: str) -> Predicate:
    begin, end = _span(value)

    def matches(stored: StoredMessage) -> bool:
        moment = stored.source.date.astimezone(UTC)
        within = begin <= moment < end
        answers = {">=": moment >= begin, ">": moment >= end, "<=": moment < end, "<": moment < begin, "<>": not within}
        return answers.get(sign, within)

    return matches


def _span(value: str) -> tuple[datetime, datetime]:
    """From when until when a date lasts, in UTC; a moment lasts a second. Raises GraphError."""
    today = clock.now().astimezone(UTC).date()
    named = {"today": (today, 1), "yesterday": (today - timedelta(days=1), 1)}
    named["this week"] = (today - timedelta(days=(today.weekday() + 1) % 7), 7)
    if value.casefold() in named:
        first, days = named[value.casefold()]
        return _midnight(first), _midnight(first + timedelta(days=days))
    if ".." in value:
        first_text, _, last_text = value.partition("..")
        return _span(first_text)[0], _span(last_text)[1]
    if american := _AMERICAN.fullmatch(value):
        value = f"{american[3]}-{int(american[1]):02d}-{int(american[2]):02d}"
    try:
        if len(value) == 10:
            day = date.fromisoformat(value)
            return _midnight(day), _midnight(day + timedelta(days=1))
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise bad_request(f"Syntax error in the search clause: '{value}' is no date.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment, moment + timedelta(seconds=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _size(sign: str, value: str) -> Predicate:
    least, _, most = value.partition("..")
    if not least.isdigit() or not (most or least).isdigit():
        raise bad_request(f"Syntax error in the search clause: '{value}' is no size.")
    low, high = int(least), int(most or least)

    def matches(stored: StoredMessage) -> bool:
        size = stored.size
        answers = {">=": size >= low, ">": size > low, "<=": size <= low, "<": size < low}
        return answers.get(sign, low <= size <= high)

    return matches
