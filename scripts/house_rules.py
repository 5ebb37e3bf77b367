"""The rules of the house that no linter knows, checked on the syntax tree. Prints every breach; exits 1 if any."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
ROOM_ORDER = ["core", "audit", "lifecycle", "usage", "ai", "users", "accounts", "office", "chat", "maintenance"]
FRAMEWORKS = ("flask", "flask_openapi3", "starlette", "functions_framework", "werkzeug")
FRAMEWORK_MODULES = ("lib/core/http.py", "lib/core/stream.py")
# With the errors that it raises, which lib.core.store hands on to other modules.
FIRESTORE = ("google.cloud.firestore", "google.cloud.firestore_v1", "google.api_core")
VENDOR_SDKS = (
    *("googleapiclient", "openai", "anthropic", "msal", "tink", "grpc"),
    *("google.cloud", "google.pubsub_v1", "google.api_core", "google.auth", "google.oauth2"),
)
VENDOR_FOLDERS = ("google", "microsoft", "openai", "anthropic")
FIRESTORE_MODULES = ("store.py", "run_log.py")
DOCUMENTS = tuple(f"lib.core.store.{name}" for name in ("person", "client", "global_document"))
# The streams' own way; all else is called from there on threads.
ASYNC_MODULES = (
    "lib/core/stream.py",
    *(f"lib/ai/{name}.py" for name in ("answering", "exchange", "sse", "openai/chat", "anthropic/messages")),
    *(f"lib/chat/{name}.py" for name in ("streaming", "instance", "producer", "keeper", "ring", "reader")),
    *(f"lib/chat/{name}.py" for name in ("run_log", "interruption", "preparation")),
)
FORBIDDEN_NAMES = ("utils", "helpers", "manager", "common", "util", "helper", "misc")
MAIN_MAY_IMPORT = ("functions_framework", "pydantic", "lib", "datetime", "typing", "collections", "enum")
LONGEST_FILE = 450
VAULT_DOOR = "tokens"
TASKS_INVOKER = "tasks-invoker"
VAULT = ("lib.accounts.vault",)
# The last words of names whose values nobody may learn by how long it takes to compare them.
SECRET_NAMES = re.compile(
    r"(^|_)(secret|signature|hmac|mac|hexdigest|token|password|csrf|nonce|reveal|verifier|(token|secret)_hash)$"
)
LOGIC: tuple[type[ast.stmt] | type[ast.expr], ...] = (
    *(ast.If, ast.IfExp, ast.Match, ast.BoolOp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda),
)


@dataclass(frozen=True)
class Import:
    """One imported module, and where."""

    module: str
    line: int


def main() -> int:
    """Check everything; the exit status."""
    breaches = [
        *(*_library(), *_functions(), *_names(), *_catalogue()),
        *(*_documents(), *_asynchronous(), *_logic(), *_vault(), *_relative(), *_compared()),
    ]
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


def _documents() -> Iterator[str]:
    """What leads to documents is for core and store modules only, under whichever name it is imported."""
    for path, relative in _modules("lib", "functions"):
        if path.name in FIRESTORE_MODULES or relative.parts[:2] == ("lib", "core"):
            continue
        for imported in _imports(path):
            if imported.module in (*DOCUMENTS, "lib.core.store", "lib.core.store.*"):
                yield f"{relative}:{imported.line}: only store modules reach documents, by {imported.module}"


def _asynchronous() -> Iterator[str]:
    for path, relative in _modules("lib"):
        if str(relative) not in ASYNC_MODULES:
            for node in ast.walk(_tree(path)):
                if isinstance(node, ast.AsyncFunctionDef):
                    yield f"{relative}:{node.lineno}: lib is synchronous but for the streams"


def _logic() -> Iterator[str]:
    """Routes parse, call one thing and map the result."""
    for path, relative in _modules("functions"):
        for function in ast.walk(_tree(path)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, LOGIC):
                        yield f"{relative}:{node.lineno}: {function.name} has logic, which belongs in a room"


def _vault() -> Iterator[str]:
    for path, relative in _modules("lib", "functions"):
        if relative.parts[:3] == ("lib", "accounts", "vault") or relative.parts[:2] == ("functions", VAULT_DOOR):
            continue
        for imported in _imports(path):
            if _is_of(imported.module, VAULT):
                yield f"{relative}:{imported.line}: only the function {VAULT_DOOR} opens the vault"


def _relative() -> Iterator[str]:
    for path, relative in _modules("lib", "functions", "scripts", "tests"):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ImportFrom) and node.level:
                yield f"{relative}:{node.lineno}: imports are absolute, so that the other rules see them"


def _compared() -> Iterator[str]:
    for path, relative in _modules("lib", "functions"):
        for line, text in compared_secrets(_tree(path)):
            yield f"{relative}:{line}: {text}: compare secrets by hmac.compare_digest"


def compared_secrets(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where something is compared by `==`, `!=` or `in` that is secret by its name, and what."""
    by_value = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
                sides = (left,) if isinstance(operator, ast.In | ast.NotIn) else (left, right)
                if isinstance(operator, by_value) and any(SECRET_NAMES.search(_last_name(each)) for each in sides):
                    yield node.lineno, ast.unparse(node)


def _last_name(value: ast.expr) -> str:
    """What a value is called where it is used: the name, the attribute, the key, or the function that gave it."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower()
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name.lower()
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name.lower().replace("-", "_")
        case ast.Call(func=function):
            return _last_name(function)
    return ""


def _modules(*folders: str) -> Iterator[tuple[Path, Path]]:
    """Every module of these folders, and its path from the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, path.relative_to(ROOT)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(_tree(path)):
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
