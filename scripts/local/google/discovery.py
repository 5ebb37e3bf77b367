"""Google's own description of its APIs, as google-api-python-client carries it: methods, parameters, schemas, scopes.

Source: https://developers.google.com/discovery/v1/reference/apis
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import googleapiclient.discovery_cache
import orjson

from scripts.local.provider.wire import Json

_FOLDER = Path(googleapiclient.discovery_cache.__file__).parent / "documents"


@dataclass(frozen=True, slots=True)
class Method:
    """One method of an API: how it is called, what it answers, which scopes allow it."""

    id: str
    http_method: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Json]
    request: str | None
    response: str | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One API."""

    name: str
    methods: tuple[Method, ...]
    schemas: Mapping[str, Json]
    scopes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Match:
    """A method found for a path, with the path's parameters decoded."""

    document: Document
    method: Method
    path_parameters: Mapping[str, str]


def _pattern(template: str) -> re.Pattern[str]:
    """The path template as an expression; a variable holds no unescaped slash."""
    literals = re.split(r"{(\w+)}", template)
    pieces = [re.escape(text) if place % 2 == 0 else f"(?P<{text}>[^/]+)" for place, text in enumerate(literals)]
    return re.compile("".join(pieces))


def _methods(node: Json, service_path: str, shared: Json) -> list[Method]:
    found = [
        Method(
            id=entry["id"],
            http_method=entry["httpMethod"],
            pattern=_pattern(f"/{service_path}{entry['path']}"),
            parameters=MappingProxyType({**shared, **entry.get("parameters", {})}),
            request=entry.get("request", {}).get("$ref"),
            response=entry.get("response", {}).get("$ref"),
            scopes=tuple(entry.get("scopes", ())),
        )
        for entry in node.get("methods", {}).values()
    ]
    for child in node.get("resources", {}).values():
        found += _methods(child, service_path, shared)
    return found


def _load(file_name: str) -> Document:
    content: Any = orjson.loads((_FOLDER / file_name).read_bytes())
    scopes = content["auth"]["oauth2"]["scopes"]
    return Document(
        name=content["name"],
        methods=tuple(_methods(content, content["servicePath"], content["parameters"])),
        schemas=MappingProxyType(content["schemas"]),
        scopes=MappingProxyType({scope: entry["description"] for scope, entry in scopes.items()}),
    )


DOCUMENTS: Mapping[str, Document] = MappingProxyType(
    {name: _load(f"{name}.json") for name in ("gmail.v1", "calendar.v3", "oauth2.v2")}
)


def find(http_method: str, path: str) -> Match | None:
    """The method that a request line names, or None. The path is as it came, percent-encoded."""
    for document in DOCUMENTS.values():
        for method in document.methods:
            if method.http_method == http_method and (match := method.pattern.fullmatch(path)):
                return Match(document, method, {key: unquote(value) for key, value in match.groupdict().items()})
    return None


def path_exists(path: str) -> bool:
    """Whether any method lives at the path."""
    return any(method.pattern.fullmatch(path) for document in DOCUMENTS.values() for method in document.methods)
