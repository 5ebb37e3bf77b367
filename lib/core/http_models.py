"""What callers send and get, as far as rooms know of it; apart from the HTTP layer, so that they need no framework."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

_Body = TypeVar("_Body", bound=BaseModel)

_schemas: dict[Any, dict[str, Any]] = {}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def unreserved(name: str) -> str:
    """The name. Raises `ValueError` for one that Firestore keeps for itself: https://cloud.google.com/firestore/quotas#limits"""
    if name.startswith("__") and name.endswith("__"):
        raise ValueError("an id must not both begin and end with two underscores")
    if name in (".", ".."):
        raise ValueError("an id must not be made of dots")
    return name


ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$"), AfterValidator(unreserved)]
"""An id that a caller may choose."""


def _spelled_out(value: Any) -> Any:
    """Raises `ValueError` for a number, which pydantic would take for seconds since the epoch."""
    if isinstance(value, int | float) or (isinstance(value, str) and not _DATE.match(value)):
        raise ValueError("has to begin with a date as 2026-11-25")
    return value


SpelledOut = BeforeValidator(_spelled_out)
"""For dates and instants that a caller writes (RFC 3339)."""


class Strict(BaseModel):
    """A model of what a caller sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        """The schema, made once: flask-openapi3 asks for it at every request that has a query."""
        key = (cls, arguments, tuple(options.items()))
        if key not in _schemas:
            _schemas[key] = super().model_json_schema(*arguments, **options)
        return deepcopy(_schemas[key])


@dataclass(frozen=True)
class Answer(Generic[_Body]):
    """A result with a status or headers other than the route's usual ones."""

    body: _Body | None
    status: int = 200
    headers: Mapping[str, str] | None = None


class ProblemDocument(BaseModel):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None
