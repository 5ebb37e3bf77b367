"""A request and its answer, apart from the connection that carries them: a batch part is one just as well."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import orjson
from multidict import CIMultiDict

Json = dict[str, Any]
Ending = Literal["complete", "truncated", "unanswered"]
"""How the connection ends: whole, after half of the body, or without a word."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, decoded."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=CIMultiDict)
    body: bytes = b""

    @classmethod
    def of_target(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Call":
        """Build a call from a request target such as `/token?x=1`; an absolute one counts by its path."""
        parts = urlsplit(target)
        return cls(method.upper(), parts.path, tuple(parse_qsl(parts.query, True)), headers, body)

    def values(self, name: str) -> tuple[str, ...]:
        """All the values of a query parameter."""
        return tuple(value for key, value in self.query if key == name)

    def form(self) -> tuple[tuple[str, str], ...]:
        """The body as application/x-www-form-urlencoded."""
        return tuple(parse_qsl(self.body.decode("utf-8", "replace"), True))


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; `wait` is what to let pass, in real seconds, before an unanswered connection is cut."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = "complete"
    wait: float | None = None


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that carries JSON, and is never to be cached unless the headers say otherwise."""
    caching = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache"}
    return Answer(status, orjson.dumps(body), headers={**caching, **(headers or {})})


def single_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The pairs as a mapping; ValueError, naming it, if a name occurs twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(name)
        found[name] = value
    return found
