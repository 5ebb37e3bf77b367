"""Answers that must fit a JSON schema: strings hold the extracted text, everything else its simplest valid value.

Source: https://platform.openai.com/docs/guides/structured-outputs
"""

from typing import Any

import orjson

SHORT_NAMES = ("title", "name", "subject", "label", "tag")
SHORT_WORDS = 8


def fitted(schema: dict[str, Any], text: str) -> str:
    """JSON text that the schema accepts."""
    return orjson.dumps(_value(schema, text, "", schema)).decode()


def _value(schema: dict[str, Any], text: str, name: str, root: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _value(_referred(schema["$ref"], root), text, name, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return _value(schema[word][0], text, name, root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {key: _value(value, text, key, root) for key, value in properties.items()}
    if kind == "array":
        return [_value(schema.get("items", {}), text, name, root)] * int(schema.get("minItems", 0))
    if kind == "string":
        return _string(schema, text, name)
    return {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False}.get(kind)


def _string(schema: dict[str, Any], text: str, name: str) -> str:
    if any(short in name.lower() for short in SHORT_NAMES):
        text = " ".join(text.replace("#", " ").replace("*", " ").split()[:SHORT_WORDS])
    return text[: schema.get("maxLength", len(text))]


def _referred(pointer: str, root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for step in pointer.removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)
