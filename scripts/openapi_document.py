"""Merges the OpenAPI 3.1 documents of all functions into openapi.json.

With `--check` it says whether that file is current; with `--print` the document goes to standard output instead.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "openapi.json"
# A function's settings have to be there for its module to load; what they are makes no difference to its routes.
PLACEHOLDERS = {
    "GOOGLE_CLOUD_PROJECT": "briefly",
    "FUNCTION_URL": "https://{name}.example",
    "CLERK_PARTIES": "[]",
    "OAUTH_REDIRECT_URLS": "[]",
}


def main() -> int:
    """Write or check the document; the exit status."""
    text = json.dumps(merged(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if "--print" in sys.argv[1:]:
        sys.stdout.write(text)
        return 0
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("openapi.json is not what the functions say: run scripts/openapi", file=sys.stderr)
    return 1


def merged() -> dict[str, Any]:
    """The document of the whole: each function's paths behind its name, as the front door and the gateway have them."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Briefly", "version": "1"},
        "tags": [],
        "paths": {},
        "components": {"schemas": {}},
    }
    for name, own in _documents():
        document["tags"].append({"name": name, "description": own["info"]["title"]})
        renamed = _rename_conflicts(name, own, document["components"]["schemas"])
        document["components"]["schemas"] |= renamed.get("components", {}).get("schemas", {})
        for path, operations in renamed["paths"].items():
            for operation in operations.values():
                operation["tags"] = [name]
                operation["operationId"] = f"{name}.{operation['operationId']}"
            document["paths"][f"/{name}{path}"] = operations
    return document


def function_document(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """What one function says of itself; `name` as the catalogue has it."""
    with _placeholder_environment(name, row):
        folder = name.replace("-", "_")
        spec = importlib.util.spec_from_file_location(f"function_{folder}", ROOT / "functions" / folder / "main.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(folder)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        document: dict[str, Any] = module.service.openapi()
        return document


def _documents() -> Iterator[tuple[str, dict[str, Any]]]:
    catalog = yaml.safe_load((ROOT / "functions" / "catalog.yaml").read_text(encoding="utf-8"))
    for name, row in sorted(catalog["functions"].items()):
        if row["trigger"] == "http":
            yield name, function_document(name, row)


def _rename_conflicts(name: str, own: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    """A schema that another function uses the name of for something else gets the function's name in front."""
    text = json.dumps(own)
    for schema, content in own.get("components", {}).get("schemas", {}).items():
        if schema in taken and taken[schema] != content:
            text = text.replace(f'"#/components/schemas/{schema}"', f'"#/components/schemas/{name}.{schema}"')
            text = text.replace(f'"{schema}": {{', f'"{name}.{schema}": {{')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


@contextmanager
def _placeholder_environment(name: str, row: dict[str, Any]) -> Iterator[None]:
    from lib.core import settings

    before = dict(os.environ)
    os.environ.update(dict.fromkeys(row.get("settings", []), "placeholder") | PLACEHOLDERS | {"K_SERVICE": name})
    os.environ.pop("MODEL_CATALOGUE", None)
    settings.forget()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.forget()


if __name__ == "__main__":
    sys.exit(main())
