"""OData's $filter: comparisons, and/or/not, parentheses, contains/startswith, any() over collections of strings.

Exchange compares strings without regard to case. Sources: https://learn.microsoft.com/graph/filter-query-parameter and
https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html#sec_SystemQueryOptionfilter
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scripts.local.microsoft.graph.errors import GraphError, bad_request
from scripts.local.microsoft.graph.properties import BOOLEAN, INSTANT, NUMBER, PRIMITIVES, STRING, Kind, ResourceType
from scripts.local.provider.wire import Json

Predicate = Callable[[Json], bool]
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[(),:]|[^\s(),:']+(?:(?<=T\d\d):\d\d(?::[\d.]+)?(?:Z|[+-]\d\d:\d\d)?)?)")
_COMPARISONS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "eq": ("Equal", operator.eq),
    "ne": ("NotEqual", operator.ne),
    "gt": ("GreaterThan", operator.gt),
    "ge": ("GreaterThanOrEqual", operator.ge),
    "lt": ("LessThan", operator.lt),
    "le": ("LessThanOrEqual", operator.le),
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
}
_ANY = re.compile(r"(.+)/any", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; `paths` are the properties that it names, in the order in which they first occur."""

    matches: Predicate
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Literal:
    """A value with its type; null has the type of whatever it is compared with."""

    value: Any
    kind: str | None


def parse_filter(text: str, resource: ResourceType) -> Filter:
    """Read a filter over a type. Raises GraphError where it is none."""
    parser = _Parser(text, _tokens(text), resource)
    predicate = parser.either()
    if parser.tokens:
        raise parser.wrong()
    return Filter(predicate, tuple(dict.fromkeys(parser.paths)))


def value_at(resource: Any, path: str) -> Any:
    """What stands at a path, instants read; None where something on the way is missing."""
    for name in path.split("/") if path else ():
        resource = resource.get(name) if isinstance(resource, dict) else None
    return resource


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise bad_request(f"Syntax error at position {place} in '{text}'.")
        found.append(match[1])
        place = match.end()
    return found


@dataclass(slots=True)
class _Parser:
    """Recursive descent; `variable` is the one that an any() binds, which stands for a string."""

    text: str
    tokens: list[str]
    resource: ResourceType
    paths: list[str] = field(default_factory=list)
    variable: str | None = None

    def wrong(self) -> GraphError:
        """400 at the first token that was not read."""
        place = self.text.rfind(self.tokens[0]) if self.tokens else len(self.text)
        return bad_request(f"Invalid filter clause: Syntax error at position {place} in '{self.text}'.")

    def either(self) -> Predicate:
        """Alternatives by `or`."""
        terms = [self._every()]
        while self._skip("or"):
            terms.append(self._every())
        return terms[0] if len(terms) == 1 else lambda item: any(term(item) for term in terms)

    def _every(self) -> Predicate:
        terms = [self._term()]
        while self._skip("and"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else lambda item: all(term(item) for term in terms)

    def _term(self) -> Predicate:
        if self._skip("not"):
            inner = self._term()
            return lambda item: not inner(item)
        if self._skip("("):
            group = self.either()
            self._need(")")
            return group
        first = self._take()
        if first.casefold() in _FUNCTIONS and self._skip("("):
            return self._function(first.casefold())
        if (collection := _ANY.fullmatch(first)) and self._skip("("):
            return self._any(collection[1])
        if self.tokens and self.tokens[0] == "(":
            raise bad_request(f"An unknown function with name '{first}' was found.")
        return self._comparison(first)

    def _function(self, name: str) -> Predicate:
        path, kind = self._property(self._take())
        self._need(",")
        literal = self._literal(self._take())
        self._need(")")
        if kind != STRING or literal.kind != STRING:
            raise bad_request(
                f"No function signature for the function with name '{name}' matches the specified arguments."
            )
        test, part = _FUNCTIONS[name], literal.value
        self._skip_truth()
        return lambda item: test(str(value_at(item, path) or "").casefold(), part)

    def _skip_truth(self) -> None:
        """`contains(…) eq true` says no more than `contains(…)`."""
        if self.tokens[:2] == ["eq", "true"]:
            del self.tokens[:2]

    def _any(self, collection: str) -> Predicate:
        if self.resource.kind_of(collection) != "strings":
            raise bad_request("The query specified in the URI is not valid: any() is not supported here.")
        self.paths.append(collection)
        variable = self._take()
        self._need(":")
        inner = _Parser(self.text, self.tokens, self.resource, self.paths, variable)
        predicate = inner.either()
        self._need(")")
        return lambda item: any(predicate(one) for one in value_at(item, collection) or ())

    def _comparison(self, first: str) -> Predicate:
        if self._is_boolean(first) and not (self.tokens and self.tokens[0] in _COMPARISONS):
            path, _ = self._property(first)
            return lambda item: value_at(item, path) is True
        named = self._take()
        if named not in _COMPARISONS:
            self.tokens.insert(0, named)
            raise self.wrong()
        name, compare = _COMPARISONS[named]
        path, kind = self._property(first)
        literal = self._literal(self._take())
        if kind not in PRIMITIVES:
            raise bad_request(f"A binary operator with incompatible types was detected for operator kind '{name}'.")
        if literal.kind is None:
            return lambda item: (value_at(item, path) is None) == (compare is operator.eq)
        if literal.kind != kind:
            raise bad_request(
                "A binary operator with incompatible types was detected. "
                f"Found operand types '{kind}' and '{literal.kind}' for operator kind '{name}'."
            )
        return lambda item: _compared(compare, value_at(item, path), literal)

    def _is_boolean(self, token: str) -> bool:
        return token in self.resource.properties and self.resource.properties[token] == BOOLEAN

    def _property(self, token: str) -> tuple[str, Kind]:
        if self.variable is not None and token == self.variable:
            return "", STRING
        kind = self.resource.kind_of(token)
        self.paths.append(token)
        return token, kind

    def _literal(self, token: str) -> _Literal:
        if token.startswith("'"):
            return _Literal(token[1:-1].replace("''", "'").casefold(), STRING)
        if token in ("true", "false"):
            return _Literal(token == "true", BOOLEAN)
        if token == "null":
            return _Literal(None, None)
        if re.fullmatch(r"-?\d+", token):
            return _Literal(int(token), NUMBER)
        try:
            moment = datetime.fromisoformat(token)
        except ValueError:
            self.tokens.insert(0, token)
            raise self.wrong() from None
        return _Literal(moment if moment.tzinfo else moment.replace(tzinfo=UTC), INSTANT)

    def _take(self) -> str:
        if not self.tokens:
            raise self.wrong()
        return self.tokens.pop(0)

    def _skip(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _need(self, token: str) -> None:
        if not self._skip(token):
            raise self.wrong()


def _compared(compare: Callable[[Any, Any], bool], value: Any, literal: _Literal) -> bool:
    if value is None:
        return compare is operator.ne
    if literal.kind == STRING:
        return compare(str(value).casefold(), literal.value)
    if literal.kind == INSTANT:
        return compare(datetime.fromisoformat(value), literal.value)
    return compare(value, literal.value)
