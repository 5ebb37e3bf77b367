"""Which collections have documents that expire: those that are written with a field `expires_at`.

The field's way is followed through the text of a store module: from where it is named, through variables and functions,
to the `create`, `set` or `update` that writes it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.provisioning.store_modules import Collection, Function, StoreModule

FIELD = "expires_at"
WRITES = ("create", "set", "update")


@dataclass(frozen=True)
class Written:
    """Where the field is named, and the collections that it is written to: none if the text is silent."""

    place: str
    collections: frozenset[Collection]


def written(module: StoreModule, root: Path) -> Iterator[Written]:
    """Every naming of the field in the module."""
    for function in module.functions.values():
        for node in ast.walk(function):
            if _names_field(node) or _dumps_field(module, function, node, root):
                yield Written(module.place(node), frozenset(_destinations(module, function, node, frozenset())))


def _names_field(node: ast.AST) -> bool:
    """`{"expires_at": …}`, `dict(expires_at=…)`, or `data["expires_at"] = …`."""
    match node:
        case ast.Dict(keys=keys):
            return any(isinstance(key, ast.Constant) and key.value == FIELD for key in keys)
        case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
            return any(keyword.arg == FIELD for keyword in keywords)
        case ast.Subscript(slice=ast.Constant(value=key), ctx=ast.Store()):
            return bool(key == FIELD)
    return False


def _dumps_field(module: StoreModule, function: Function, node: ast.AST, root: Path) -> bool:
    """Whether the node turns a model with such a field into a document: `tokens.model_dump()`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="model_dump", value=value)):
            for name in (one.id for one in ast.walk(value) if isinstance(one, ast.Name)):
                for argument in (*function.args.args, *function.args.kwonlyargs):
                    if argument.arg == name and isinstance(argument.annotation, ast.Name):
                        return FIELD in _model_fields(module, argument.annotation.id, root)
    return False


def _model_fields(module: StoreModule, model: str, root: Path) -> frozenset[str]:
    """The fields of a model that the module defines or imports from a room."""
    tree = module.tree
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lib."):
            path = root / f"{node.module.replace('.', '/')}.py"
            if any(alias.name == model for alias in node.names) and path.exists():
                tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == model:
            fields = (one.target for one in node.body if isinstance(one, ast.AnnAssign))
            return frozenset(target.id for target in fields if isinstance(target, ast.Name))
    return frozenset()


def _destinations(module: StoreModule, function: Function, node: ast.AST, seen: frozenset[str]) -> Iterator[Collection]:
    """The collections to which a value of the function is written, by it or by those who get it from it."""
    carried = {id(node)}
    # What is written into a variable, is in it.
    names = {node.value.id} if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) else set[str]()
    grown = True
    while grown:
        grown = False
        for statement in ast.walk(function):
            match statement:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                    | ast.AugAssign(target=ast.Name(id=name), value=value)
                ) if name not in names and _carries(value, carried, names):
                    names.add(name)
                    grown = True
    for one in ast.walk(function):
        match one:
            case ast.Call(func=ast.Attribute(attr=write, value=target), args=args) if write in WRITES:
                if any(_carries(argument, carried, names) for argument in args):
                    reference = args[0] if len(args) > 1 else target
                    found = module.collection_of(reference, function)
                    if found is not None:
                        yield found
            case ast.Return(value=ast.expr() as value) if _carries(value, carried, names) and function.name not in seen:
                for caller in module.functions.values():
                    for call in ast.walk(caller):
                        if _calls(call, function.name):
                            yield from _destinations(module, caller, call, seen | {function.name})


def _carries(value: ast.AST, carried: set[int], names: set[str]) -> bool:
    return any(id(one) in carried or (isinstance(one, ast.Name) and one.id in names) for one in ast.walk(value))


def _calls(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(value=ast.Name(id="self"), attr=called)):
            return called == name
    return False
