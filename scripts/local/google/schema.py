"""Judges JSON by a discovery document, more strictly than the document does: a field that it does not name is wrong.

Formats: https://developers.google.com/discovery/v1/type-format
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from scripts.local.provider.wire import Json

_INTEGER = re.compile(r"0|-?[1-9]\d*")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_BASE64_URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?")


def _within(minimum: int, maximum: int) -> Callable[[str], bool]:
    return lambda text: bool(_INTEGER.fullmatch(text)) and minimum <= int(text) <= maximum


def is_date_time(text: str) -> bool:
    """Whether the text is a full RFC 3339 timestamp, offset included."""
    if not _RFC_3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    """Whether the text is a date such as 2026-11-23."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "int64": _within(-(2**63), 2**63 - 1),
    "uint64": _within(0, 2**64 - 1),
    "int32": _within(-(2**31), 2**31 - 1),
    "uint32": _within(0, 2**32 - 1),
    "date-time": is_date_time,
    "google-datetime": is_date_time,
    "date": is_date,
    "byte": lambda text: bool(_BASE64_URL.fullmatch(text)),
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def violations(schemas: Mapping[str, Json], schema: Json, value: Any, path: str = "$") -> Iterator[str]:
    """What is wrong with the value, a sentence each, with the path to it."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kind: str = schema.get("type", "any")
    if kind == "any":
        return
    if not _is_of(kind, value):
        yield f"{path}: expected {kind}, found {type(value).__name__}"
        return
    if kind == "array":
        for place, item in enumerate(value):
            yield from violations(schemas, schema["items"], item, f"{path}[{place}]")
    elif kind == "object":
        yield from _object_violations(schemas, schema, value, path)
    else:
        yield from _scalar_violations(schema, value, path)


def _is_of(kind: str, value: Any) -> bool:
    """Whether the value is of a JSON type; Python's bool is an int, JSON's is not."""
    return isinstance(value, _TYPES[kind]) and not (kind in ("integer", "number") and isinstance(value, bool))


def _object_violations(schemas: Mapping[str, Json], schema: Json, value: Json, path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    further = schema.get("additionalProperties")
    for name, item in value.items():
        if name in properties:
            yield from violations(schemas, properties[name], item, f"{path}.{name}")
        elif further is not None:
            yield from violations(schemas, further, item, f"{path}.{name}")
        else:
            yield f"{path}.{name}: unknown field"


def _scalar_violations(schema: Json, value: Any, path: str) -> Iterator[str]:
    judge = FORMATS.get(schema.get("format", ""))
    if judge and not judge(str(value)):
        yield f"{path}: {value!r} is not of format {schema['format']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if "pattern" in schema and not re.fullmatch(schema["pattern"], str(value)):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
