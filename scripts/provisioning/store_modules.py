"""The modules that touch Firestore, as syntax: which collection an expression leads to.

House rules keep Firestore to `store.py`, `run_log.py` and `lib/core`, and persons' data under `person(…)`, so that an
expression names its collections in the text.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FILES = ("store.py", "run_log.py")
ROOTS = {"person": "users"}
DATABASES = ("vault", "audit")
# What a reference or a query is asked without its collection becoming another.
SAME_COLLECTION = frozenset(
    (
        *("where", "order_by", "limit", "limit_to_last", "offset", "start_at", "start_after", "end_at", "end_before"),
        *("select", "find_nearest", "count", "sum", "avg", "get", "stream", "reference", "on_snapshot"),
    )
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Collection:
    """A collection group of a database."""

    database: str
    name: str

    def __str__(self) -> str:
        return f"{self.database}/{self.name}"


@dataclass
class StoreModule:
    """A module's functions, by name; methods too, whose names are unlike those of functions."""

    path: Path
    tree: ast.Module
    globals: dict[str, str]
    functions: dict[str, Function] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}

    def place(self, node: ast.AST) -> str:
        """Where the node is, for whoever is to mend it."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}"

    def collection_of(self, expression: ast.expr, within: Function | None) -> Collection | None:
        """The collection that a reference, a query or a snapshot is of; None if the text does not tell."""
        return self._resolve(expression, within, frozenset())

    def is_group(self, expression: ast.expr, within: Function | None) -> bool:
        """Whether a query is of all collections of the name, wherever they are."""
        while True:
            match expression:
                case ast.Call(func=ast.Attribute(attr="collection_group")):
                    return True
                case ast.Call(func=ast.Attribute(value=value)):
                    expression = value
                case ast.Name(id=name):
                    return any(self.is_group(value, None) for value in assigned(within, name))
                case _:
                    return False

    def collections(self) -> Iterator[Collection]:
        """Every collection that the module names."""
        for function in self.functions.values():
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield from self._named_in(node, function)

    def _named_in(self, call: ast.Call, within: Function) -> Iterator[Collection]:
        match call:
            case ast.Call(func=ast.Attribute(attr="document"), args=[ast.Constant(value=str()), _, *_]):
                database = self._database(call, within)
                for part in call.args[::2]:
                    if isinstance(part, ast.Constant):
                        yield Collection(database, str(part.value))
            case (
                ast.Call(func=ast.Attribute(attr="collection" | "collection_group"))
                | ast.Call(func=ast.Name(id="person" | "global_document"))
            ):
                found = self.collection_of(call, within)
                if found is not None:
                    yield found

    def _resolve(self, expression: ast.expr, within: Function | None, seen: frozenset[str]) -> Collection | None:
        match expression:
            case ast.Call(func=ast.Name(id=name)) if name in ROOTS:
                return Collection(self._database(expression, within), ROOTS[name])
            case ast.Call(func=ast.Name(id="global_document"), args=[ast.Attribute(attr=member), *_]):
                return Collection(self._database(expression, within), self.globals[member])
            case ast.Call(
                func=ast.Attribute(attr="collection" | "collection_group"), args=[ast.Constant(value=str(name))]
            ):
                return Collection(self._database(expression, within), name)
            case ast.Call(func=ast.Attribute(attr="document"), args=[_, _, *_]):
                named = expression.args[-2 + len(expression.args) % 2]
                if isinstance(named, ast.Constant):
                    return Collection(self._database(expression, within), str(named.value))
                return None
            case ast.Call(func=ast.Attribute(attr="document", value=value)):
                return self._resolve(value, within, seen)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)):
                return self._returned(name, seen)
            case ast.Call(func=ast.Attribute(attr=attribute, value=value)) if attribute in SAME_COLLECTION:
                return self._resolve(value, within, seen)
            case ast.Attribute(attr="reference", value=value) | ast.Await(value=value):
                return self._resolve(value, within, seen)
            case ast.Name(id=name) if name not in seen:
                found = (self._resolve(value, within, seen | {name}) for value in assigned(within, name))
                return next((one for one in found if one is not None), None)
        return None

    def _returned(self, name: str, seen: frozenset[str]) -> Collection | None:
        function = self.functions.get(name)
        if function is None or f"{name}()" in seen:
            return None
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                found = self._resolve(node.value, function, seen | {f"{name}()"})
                if found is not None:
                    return found
        return None

    def _database(self, expression: ast.expr, within: Function | None) -> str:
        """Named as `Database.VAULT` in the expression or in what its names were assigned; else the default."""
        names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
        texts = [expression, *(value for name in names for value in assigned(within, name) if value is not expression)]
        for text in texts:
            for node in ast.walk(text):
                match node:
                    case ast.Attribute(value=ast.Name(id="Database"), attr=member) if member.lower() in DATABASES:
                        return member.lower()
        return "default"


def assigned(function: Function | None, name: str) -> list[ast.expr]:
    """What a function assigns to a name of its own, in the order of the text."""
    found: list[ast.expr] = []
    for node in ast.walk(function) if function is not None else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                found.append(value)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                found.append(value)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                found += [v for t, v in zip(targets, values, strict=False) if isinstance(t, ast.Name) and t.id == name]
    return sorted(found, key=lambda value: value.lineno)


def load(root: Path) -> list[StoreModule]:
    """Every module under `lib` that may touch Firestore."""
    paths = [*(root / "lib").rglob("*.py")]
    wanted = [path for path in paths if path.name in FILES or path.parent == root / "lib" / "core"]
    members = _globals(root)
    return [
        StoreModule(path.relative_to(root), ast.parse(path.read_text(encoding="utf-8")), members)
        for path in sorted(wanted)
    ]


def _globals(root: Path) -> dict[str, str]:
    """The members of `Global` in lib/core/store.py, by name."""
    tree = ast.parse((root / "lib" / "core" / "store.py").read_text(encoding="utf-8"))
    (members,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Global")
    found: dict[str, str] = {}
    for node in members.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                found[name] = value
    return found
