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
    "CLERK_API_URL": "https://api.clerk.example/v1",
    "CLERK_ISSUER": "https://clerk.example",
    "CLERK_PARTIES": "[]",
    "TASKS_INVOKER": "tasks-invoker@briefly.example",
    "TASKS_LOCATION": "europe-west1",
    "VAULT_KEY": "projects/briefly/locations/here/keyRings/briefly/cryptoKeys/vault",
    "ATTESTATION_KEY": "projects/briefly/locations/here/keyRings/briefly/cryptoKeys/attestations/cryptoKeyVersions/1",
    "BACKUPS_KEPT": "P7D",
    "OAUTH_REDIRECT_URLS": "[]",
    "GOOGLE_OAUTH_CLIENT_ID": "client",
    "GOOGLE_AUTHORIZE_URL": "https://google.example/authorize",
    "GOOGLE_TOKEN_URL": "https://google.example/token",
    "GOOGLE_REVOKE_URL": "https://google.example/revoke",
    "GOOGLE_ISSUER": "https://google.example",
    "GOOGLE_API_ENDPOINT": "https://google.example",
    "MICROSOFT_CLIENT_ID": "00000000-0000-4000-8000-000000000000",
    "MICROSOFT_AUTHORITY": "https://login.microsoft.example/common",
    "MICROSOFT_GRAPH_ENDPOINT": "https://graph.microsoft.example",
}

SCHEMAS = "#/components/schemas/"
GATEWAY = "gateway"
COOKIE_GATEWAY = {"url": "/api", "description": "The cookie gateway"}
FRONT_DOOR = {"url": "/", "description": "The front door, for other functions and for webhooks"}


def _key(place: str, name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": place, "name": name, "description": description}


SECURITY_SCHEMES = {
    "Cookie": _key("cookie", "briefly_session", "The person's session at the cookie gateway"),
    "CsrfToken": _key("header", "X-CSRF-Token", "Beside the cookie, for requests that change something"),
    "GatewayIdentity": _key("header", "X-Serverless-Authorization", "Google's identity token of the gateway"),
    "ServiceToken": {"type": "http", "scheme": "bearer", "description": "The gateway's word for whom it calls"},
    "ClerkSession": _key("header", "X-Clerk-Session", "The person's session token of Clerk"),
    "FunctionIdentity": {"type": "http", "scheme": "bearer", "description": "Google's identity token of the caller"},
    "WebhookSignature": _key("header", "svix-signature", "Of Clerk, beside svix-id and svix-timestamp"),
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
        "servers": [COOKIE_GATEWAY],
        "tags": [],
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": SECURITY_SCHEMES},
    }
    for name, row, own in _documents():
        document["tags"].append({"name": name, "description": own["info"]["title"]})
        renamed = without_conflicts(name, own, document["components"]["schemas"])
        document["components"]["schemas"] |= renamed.get("components", {}).get("schemas", {})
        for path, operations in renamed["paths"].items():
            for method, operation in operations.items():
                operation["tags"] = [name]
                operation["operationId"] = f"{name}.{operation['operationId']}"
                operation["security"] = _security(row, method)
            document["paths"][f"/{name}{path}"] = operations | _server(row)
    return document


def _server(row: dict[str, Any]) -> dict[str, Any]:
    """What the gateway does not call is not behind it either."""
    return {"servers": [FRONT_DOOR]} if GATEWAY not in row.get("callers", []) else {}


def _security(row: dict[str, Any], method: str) -> list[dict[str, list[str]]]:
    """What a call has to bring: each entry is one way."""
    if row.get("public"):
        return [_together("WebhookSignature")]
    if GATEWAY in row.get("callers", []):
        by_cookie = ("Cookie",) if method == "get" else ("Cookie", "CsrfToken")
        return [_together(*by_cookie), _together("GatewayIdentity", "ServiceToken", "ClerkSession")]
    return [_together("FunctionIdentity")]


def _together(*schemes: str) -> dict[str, list[str]]:
    return {scheme: [] for scheme in schemes}


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
    from lib.core.secrets import mounted_file

    before = dict(os.environ)
    needed = [variable for variable in row.get("settings", []) if variable in PLACEHOLDERS]
    common = ["GOOGLE_CLOUD_PROJECT", "FUNCTION_URL"]
    with tempfile.TemporaryDirectory() as folder:
        for secret in row.get("secrets", []):
            file = mounted_file(Path(folder), secret)
            file.parent.mkdir()
            file.write_text("placeholder", encoding="utf-8")
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


def _documents() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    catalog = yaml.safe_load((ROOT / "functions" / "catalog.yaml").read_text(encoding="utf-8"))
    for name, row in sorted(catalog["functions"].items()):
        if row["trigger"] == "http":
            yield name, row, function_document(name, row)


def without_conflicts(name: str, own: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    """A schema that another function uses the name of for something else gets the function's name in front."""
    schemas = own.get("components", {}).get("schemas", {})
    names = {schema: f"{name}.{schema}" for schema, content in schemas.items() if taken.get(schema, content) != content}
    targets = {f"{SCHEMAS}{schema}": f"{SCHEMAS}{renamed}" for schema, renamed in names.items()}
    document: dict[str, Any] = _pointing(own, targets)
    if names:
        kept = document["components"]["schemas"]
        document["components"]["schemas"] = {names.get(schema, schema): content for schema, content in kept.items()}
    return document


def _pointing(value: Any, targets: dict[str, str]) -> Any:
    """The same with other targets of its references: `$ref`, and what a `discriminator` maps to."""
    if isinstance(value, list):
        return [_pointing(each, targets) for each in value]
    if not isinstance(value, dict):
        return value
    pointing = {key: _pointing(each, targets) for key, each in value.items()}
    if isinstance(value.get("$ref"), str):
        pointing["$ref"] = targets.get(value["$ref"], value["$ref"])
    if isinstance(value.get("discriminator"), dict):
        mapping = value["discriminator"].get("mapping", {})
        pointing["discriminator"]["mapping"] = {kind: targets.get(one, one) for kind, one in mapping.items()}
    return pointing


if __name__ == "__main__":
    sys.exit(main())
