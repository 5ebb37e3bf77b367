"""The parameters of a request, judged by the discovery document and given out typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.local.google.discovery import Method
from scripts.local.google.errors import ApiError, invalid_argument
from scripts.local.google.schema import FORMATS
from scripts.local.provider.wire import Json

_WORDS = {"true": True, "false": False}
_INTEGER_FORMATS = ("int32", "uint32")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Path and query parameters by name, defaults of the document filled in."""

    values: Mapping[str, Any]
    given: frozenset[str]

    def text(self, name: str) -> str | None:
        """A string, or None if it was not given and has no default."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def required(self, name: str) -> str:
        """A string that the path or the document's default supplies."""
        return str(self.values[name])

    def number(self, name: str, default: int) -> int:
        """An integer."""
        return int(self.values.get(name, default))

    def flag(self, name: str) -> bool:
        """A boolean, false unless given."""
        return bool(self.values.get(name, False))

    def many(self, name: str) -> tuple[str, ...]:
        """The values of a repeated parameter."""
        return tuple(self.values.get(name, ()))

    def instant(self, name: str) -> datetime | None:
        """An RFC 3339 timestamp."""
        value = self.values.get(name)
        return None if value is None else datetime.fromisoformat(str(value).upper())


def read(method: Method, path: Mapping[str, str], query: tuple[tuple[str, str], ...]) -> Parameters:
    """Judge and convert; an unknown parameter, a wrong type, format or choice is 400, as a value out of range is."""
    collected: dict[str, list[str]] = {name: [value] for name, value in path.items()}
    for name, value in query:
        if name not in method.parameters or method.parameters[name]["location"] != "query":
            raise _unknown(name)
        collected.setdefault(name, []).append(value)
    values = {
        name: _default(description)
        for name, description in method.parameters.items()
        if "default" in description and name not in collected
    }
    for name, raw in collected.items():
        values[name] = _convert(name, method.parameters[name], raw)
    return Parameters(values, frozenset(collected))


def _unknown(name: str) -> ApiError:
    message = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return invalid_argument(message, (message,))


def _default(description: Json) -> Any:
    value = _scalar("default", description, description["default"])
    return (value,) if description.get("repeated") else value


def _convert(name: str, description: Json, raw: list[str]) -> Any:
    if description.get("repeated"):
        return tuple(_scalar(name, description, value) for value in raw)
    return _scalar(name, description, raw[-1])


def _scalar(name: str, description: Json, raw: str) -> Any:
    kind, form = description["type"], description.get("format", "")
    if kind == "boolean":
        if raw.lower() not in _WORDS:
            raise invalid_argument(f"Invalid value at '{name}' (TYPE_BOOL), \"{raw}\"")
        return _WORDS[raw.lower()]
    if form in FORMATS and not FORMATS[form](raw):
        raise _malformed(name, form, raw)
    if "enum" in description and raw not in description["enum"]:
        raise ApiError(400, "invalidParameter", f"Invalid value: {raw}", location=("parameter", name))
    if kind == "integer":
        return _in_range(name, description, int(raw))
    return raw


def _malformed(name: str, form: str, raw: str) -> ApiError:
    if form in ("date-time", "date"):
        return ApiError(400, "badRequest", "Bad Request", location=("parameter", name))
    type_name = f"TYPE_{form.upper()}" if form in _INTEGER_FORMATS else f"TYPE_{form.upper().replace('-', '_')}"
    return invalid_argument(f"Invalid value at '{name}' ({type_name}), \"{raw}\"")


def _in_range(name: str, description: Json, value: int) -> int:
    low, high = int(description.get("minimum", value)), int(description.get("maximum", value))
    if low <= value <= high:
        return value
    highest = high if "maximum" in description else 2**31 - 1
    message = f"Invalid value '{value}'. Values must be within the range: [{low}, {highest}]"
    raise ApiError(400, "invalidParameter", message, location=("parameter", name))
