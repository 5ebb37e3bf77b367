"""Merges the OpenAPI 3.1 documents of all functions into openapi.json.

With `--check` it says whether that file is current; with `--print` the document goes to standard output instead.
"""

import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "openapi.json"
# The key of RFC 8037, appendix A.2.
_KEYS = '{"keys": [{"kty": "OKP", "kid": "1", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
# A function's settings have to be right for its module to load; what they are makes no difference to its routes.
# Those that are not here have defaults.
PLACEHOLDERS = {
    "GOOGLE_CLOUD_PROJECT": "briefly",
    "FUNCTION_URL": "https://{name}.example",
    "GATEWAY_KEYS": _KEYS,
    "CLERK_KEYS": _KEYS,
    "CLERK_ISSUER": "https://clerk.example",
    "CLERK_PARTIES": "[]",
    "TASKS_INVOKER": "tasks-invoker@briefly.example",
    "VAULT_KEY": "projects/briefly/locations/here/keyRings/briefly/cryptoKeys/vault",
    "OAUTH_REDIRECT_URLS": "[]",
    "GOOGLE_OAUTH_CLIENT_ID": "client",
    "GOOGLE_AUTHORIZE_URL": "https://google.example/authorize",
    "GOOGLE_TOKEN_URL": "https://google.example/token",
    "GOOGLE_REVOKE_URL": "https://google.example/revoke",
    "GOOGLE_ISSUER": "https://google.example",
    "GOOGLE_API_ENDPOINT": "https://google.example",
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
    with placeholder_environment(name, row):
        document: dict[str, Any] = started(name).service.openapi()
        return document


def started(name: str) -> Any:
    """A function's module, loaded in the present environment. Raises `InvalidSettings`."""
    folder = name.replace("-", "_")
    spec = importlib.util.spec_from_file_location(f"function_{folder}", ROOT / "functions" / folder / "main.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def placeholder_environment(name: str, row: dict[str, Any]) -> Iterator[Path]:
    """For as long as the block, what a function needs to start; yields the folder of its secrets."""
    from lib.core import settings

    before = dict(os.environ)
    needed = [variable for variable in row.get("settings", []) if variable in PLACEHOLDERS]
    common = ["GOOGLE_CLOUD_PROJECT", "FUNCTION_URL"]
    with tempfile.TemporaryDirectory() as folder:
        for secret in row.get("secrets", []):
            Path(folder, secret).write_text("placeholder", encoding="utf-8")
        for variable in row.get("settings", []):
            os.environ.pop(variable, None)
        os.environ.update({variable: PLACEHOLDERS[variable] for variable in [*common, *needed]})
        os.environ.update({"K_SERVICE": name, "SECRETS_DIR": folder})
        settings.forget()
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)
            settings.forget()


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


if __name__ == "__main__":
    sys.exit(main())
