"""Every operation of every HTTP function, as the functions' own OpenAPI documents tell them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from scripts.openapi_document import ROOT, function_document


@dataclass(frozen=True)
class Operation:
    """One method of one route."""

    function: str
    method: str
    path: str
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    in_body: tuple[str, ...]
    has_body: bool
    sensitive: bool
    is_task: bool

    def __str__(self) -> str:
        return f"{self.method} /{self.function}{self.path}"

    def filled(self, values: dict[str, str]) -> str:
        """The path of a call, with the function's name in front."""
        path = self.path
        for name in self.in_path:
            path = path.replace(f"{{{name}}}", values[name])
        return f"/{self.function}{path}"


@cache
def functions() -> dict[str, dict[str, Any]]:
    """The catalogue's rows."""
    text = (ROOT / "functions" / "catalog.yaml").read_text(encoding="utf-8")
    rows: dict[str, dict[str, Any]] = yaml.safe_load(text)["functions"]
    return rows


@cache
def operations() -> tuple[Operation, ...]:
    """Those of all functions that are called over HTTP, but for what is about nobody who asks."""
    return tuple(
        _operation(name, method.upper(), path, operation, document)
        for name, row in functions().items()
        if row["trigger"] == "http"
        for document in [function_document(name, row)]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "x-briefly-nobodys" not in operation
    )


def _operation(function: str, method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> Operation:
    parameters = operation.get("parameters", [])
    body = operation.get("requestBody")
    return Operation(
        function,
        method,
        path,
        in_path=tuple(one["name"] for one in parameters if one["in"] == "path"),
        in_query=tuple(one["name"] for one in parameters if one["in"] in ("query", "header")),
        in_body=tuple(_properties(body, document)) if body else (),
        has_body=body is not None,
        sensitive=bool(operation.get("x-briefly-sensitive")),
        is_task=bool(operation.get("x-briefly-task")),
    )


def _properties(body: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = body["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = schema["properties"]
    return properties
