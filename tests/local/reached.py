"""What a test works with, read from its source: the libraries that it reaches through fixtures and functions of ours.

Of a class only those methods count whose names occur on the way, so that what somebody else needs of it does not.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from scripts.local.catalog import REPOSITORY

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
_IMPORT = re.compile(r"^(?:from|import) ([\w.]+)(?: import .*)?$", re.MULTILINE)
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """The definitions of a module by name, and what its imported names are: a module, and a name in it."""

    path: Path
    defined: dict[str, Definition] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)


@cache
def _module(path: Path) -> Module:
    module = Module(path)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Import(names):
                for alias in names:
                    module.imported[alias.asname or alias.name.partition(".")[0]] = alias.name, ""
            case ast.ImportFrom(module=str(source), names=names):
                for alias in names:
                    module.imported[alias.asname or alias.name] = source, alias.name
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                module.defined[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                module.defined[name] = node
    return module


def libraries(path: Path, test: str) -> set[str]:
    """The modules outside of `tests` that the test reaches."""
    reached, attributes, outside = {(path, test)}, set[str](), set[str]()
    while True:
        before = len(reached), len(attributes), len(outside)
        for where, name in list(reached):
            parts = _parts(_module(where).defined[name], attributes)
            attributes |= {node.attr for node in parts if isinstance(node, ast.Attribute)}
            outside |= _imported_inside(parts)
            for found in (node.id for node in parts if isinstance(node, ast.Name)):
                _follow(_module(where), found, reached, outside)
            for found in _fixtures(_module(where).defined[name]):
                _follow_fixture(_module(where), found, reached, outside)
        if before == (len(reached), len(attributes), len(outside)):
            return outside


def _parts(node: Definition, attributes: set[str]) -> list[ast.AST]:
    """All nodes of a definition; of a class without the methods that nobody names."""
    parts: list[ast.AST] = [node]
    if isinstance(node, ast.ClassDef):
        body = (
            one
            for one in node.body
            if not isinstance(one, _FUNCTION) or one.name in attributes or one.name.startswith("__")
        )
        parts = [*node.bases, *body]
    return [one for part in parts for one in _nodes(part)]


@cache
def _nodes(part: ast.AST) -> tuple[ast.AST, ...]:
    return tuple(
        one
        for one in ast.walk(part)
        if isinstance(one, ast.Name | ast.Attribute | ast.Import | ast.ImportFrom | ast.Constant)
    )


def _imported_inside(parts: list[ast.AST]) -> set[str]:
    """By the definition itself, and by a program that it holds as text."""
    found = set[str]()
    for node in parts:
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=source, names=names):
                found |= {f"{source}.{alias.name}" for alias in names}
            case ast.Constant(value=str(text)):
                found |= set(_IMPORT.findall(text))
    return found


def _fixtures(node: Definition) -> set[str]:
    """What pytest gives to a test or a fixture."""
    if not isinstance(node, _FUNCTION):
        return set()
    is_fixture = any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
    return {one.arg for one in node.args.args} if is_fixture or node.name.startswith("test_") else set()


def _follow(module: Module, name: str, reached: set[tuple[Path, str]], outside: set[str]) -> None:
    if name in module.defined:
        reached.add((module.path, name))
    elif name in module.imported:
        source, symbol = module.imported[name]
        path = _path_of(f"{source}.{symbol}") or _path_of(source)
        if path is None:
            outside.add(f"{source}.{symbol}".rstrip("."))
        else:
            _follow(_module(path), symbol, reached, outside)


def _follow_fixture(module: Module, name: str, reached: set[tuple[Path, str]], outside: set[str]) -> None:
    conftests = [
        folder / "conftest.py" for folder in module.path.parents if folder.is_relative_to(REPOSITORY / "tests")
    ]
    known = [module, *(_module(conftest) for conftest in conftests if conftest.exists())]
    for one in known:
        if name in one.defined or name in one.imported:
            _follow(one, name, reached, outside)
            return


def _path_of(module: str) -> Path | None:
    if not module.startswith("tests"):
        return None
    path = REPOSITORY.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.exists() else None
