"""The rules of the house that no linter knows, checked on the syntax tree. Prints every breach; exits 1 if any."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
ROOM_ORDER = ["core", "usage", "ai", "users", "accounts", "office", "chat"]
FRAMEWORKS = ("flask", "flask_openapi3", "starlette", "functions_framework", "werkzeug")
FRAMEWORK_MODULES = ("lib/core/http.py", "lib/core/stream.py")
FIRESTORE = ("google.cloud.firestore", "google.cloud.firestore_v1")
VENDOR_SDKS = ("googleapiclient", "openai", "anthropic", "msal", "google.cloud", "google.pubsub_v1", "tink")
VENDOR_FOLDERS = ("google", "microsoft", "openai", "anthropic")
FIRESTORE_MODULES = ("store.py", "run_log.py")
FORBIDDEN_NAMES = ("utils", "helpers", "manager", "common", "util", "helper", "misc")
MAIN_MAY_IMPORT = ("functions_framework", "pydantic", "lib", "datetime", "typing", "collections", "enum")
LONGEST_FILE = 450
VAULT_DOOR = "tokens"
TASKS_INVOKER = "tasks-invoker"


@dataclass(frozen=True)
class Import:
    """One imported module, and where."""

    module: str
    line: int


def main() -> int:
    """Check everything; the exit status."""
    breaches = [*_library(), *_functions(), *_names(), *_catalogue()]
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


def _library() -> Iterator[str]:
    rooms = {path.parent.name for path in (ROOT / "lib").glob("*/*.py")}
    yield from rooms_without_place(rooms)
    for path in sorted((ROOT / "lib").rglob("*.py")):
        relative = path.relative_to(ROOT)
        for imported in _imports(path):
            place = f"{relative}:{imported.line}"
            yield from (f"{place}: {text}" for text in _wrong_import(relative, imported.module))


def rooms_without_place(rooms: set[str]) -> Iterator[str]:
    """A room has its place in the order, or could import whatever it likes."""
    for room in sorted(rooms - set(ROOM_ORDER)):
        yield f"lib/{room}: the room has no place in ROOM_ORDER (scripts/house_rules.py)"


def _wrong_import(path: Path, module: str) -> Iterator[str]:
    room = path.parts[1]
    if module.startswith("scripts"):
        yield "lib does not know the scripts"
    if _is_of(module, FRAMEWORKS) and str(path) not in FRAMEWORK_MODULES:
        yield f"only {' and '.join(FRAMEWORK_MODULES)} import {module}"
    if room == "core":
        if module.startswith("lib.") and not module.startswith("lib.core"):
            yield f"core knows no capability, but imports {module}"
        return
    if _is_of(module, FIRESTORE) and path.name not in FIRESTORE_MODULES:
        yield "only store modules touch Firestore"
    elif _is_of(module, VENDOR_SDKS) and not _is_of(module, FIRESTORE) and not _in_vendor_folder(path):
        yield f"only vendor folders import {module}"
    if module.startswith("lib."):
        other = module.split(".")[1]
        if other in ROOM_ORDER and room in ROOM_ORDER and ROOM_ORDER.index(other) > ROOM_ORDER.index(room):
            yield f"{room} stands below {other} and may not import it"


def _functions() -> Iterator[str]:
    for path in sorted((ROOT / "functions").glob("*/*.py")):
        relative = path.relative_to(ROOT)
        if path.name != "main.py":
            yield f"{relative}: a function's folder holds main.py and nothing else"
        for imported in _imports(path):
            if not _is_of(imported.module, MAIN_MAY_IMPORT):
                yield f"{relative}:{imported.line}: a function imports no SDK, but {imported.module}"
            if imported.module.startswith("flask"):
                yield f"{relative}:{imported.line}: the framework is core's affair"


def _names() -> Iterator[str]:
    for folder in ("lib", "functions", "scripts", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if path.stem in FORBIDDEN_NAMES or any(part in FORBIDDEN_NAMES for part in relative.parts):
                yield f"{relative}: the name says nothing"
            lines = path.read_text(encoding="utf-8").count("\n")
            if folder != "tests" and lines > LONGEST_FILE:
                yield f"{relative}: {lines} lines have more than one subject"


def _catalogue() -> Iterator[str]:
    rows = yaml.safe_load((ROOT / "functions" / "catalog.yaml").read_text(encoding="utf-8"))["functions"]
    yield from calls_on_one_side(rows)
    folders = {path.parent.name.replace("_", "-") for path in (ROOT / "functions").glob("*/main.py")}
    for name in sorted(set(rows) ^ folders):
        yield f"functions: {name} is either in the catalogue or in a folder, but not in both"
    for name, row in rows.items():
        opens_vault = row.get("kms") or "vault" in row.get("databases", [])
        if name != VAULT_DOOR and (opens_vault or any("oauth" in secret for secret in row.get("secrets", []))):
            yield f"functions: only {VAULT_DOOR} has the key, the vault and the clients' secrets, not {name}"


def calls_on_one_side(rows: dict[str, Any]) -> Iterator[str]:
    """A call stands with both: among the caller's `calls`, and the caller among whom the other one admits."""
    for name, row in rows.items():
        for caller in set(row.get("callers", [])) & set(rows):
            if name not in rows[caller].get("calls", []):
                yield f"functions: {name} admits {caller}, which does not call it"
        # Who calls by tasks is admitted by their name.
        names = {name, TASKS_INVOKER} if row.get("queues") else {name}
        for called in row.get("calls", []):
            other = rows.get(called, {})
            if not other.get("public") and not names & set(other.get("callers", [])):
                yield f"functions: {name} calls {called}, which does not admit it"


def _imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (Import(f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _is_of(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _in_vendor_folder(path: Path) -> bool:
    return any(part in VENDOR_FOLDERS for part in path.parts[:-1])


if __name__ == "__main__":
    sys.exit(main())
