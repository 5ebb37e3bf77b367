"""What a module mentions, by its syntax tree: the modules that it may import, and the files beside it that it reads.

Imports within functions count as well, since they are made sooner or later. What stands under `if TYPE_CHECKING:` does
not: that is false wherever the module runs (https://docs.python.org/3/library/typing.html#typing.TYPE_CHECKING), so
that it has no effect in a package which it would not have in the repository, evaluated annotations included. What
cannot be followed is refused instead of being forgotten.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from scripts.packaging.errors import NotPackaged

# By these a module imports, or finds files, by names that it makes up as it runs.
UNFOLLOWED_MODULES = ("importlib", "pkgutil", "runpy")
UNFOLLOWED_NAMES = ("__import__", "__file__", "__path__", "__spec__", "__loader__")


@dataclass(frozen=True)
class Import:
    """`import module`, or `from module import name`, where the name may be a module too."""

    module: str
    name: str | None = None

    @property
    def longest(self) -> str:
        """The longest dotted name that may be a module."""
        return self.module if self.name in (None, "*") else f"{self.module}.{self.name}"


@dataclass
class Mentions(ast.NodeVisitor):
    """What the module at `place` mentions. `files` are names of files in its own folder."""

    place: Path
    imports: set[Import] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, path: Path, place: Path) -> "Mentions":
        """Read a module; `place` is what complaints call it. Raises `NotPackaged`."""
        mentions = cls(place)
        mentions.visit(ast.parse(path.read_bytes(), filename=str(place)))
        return mentions

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(Import(alias.name), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            raise self._refusal(node, "imports are absolute")
        for alias in node.names:
            self._add(Import(node.module, alias.name), node)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.visit(node.test)
            for statement in node.body:
                self.visit(statement)
        for statement in node.orelse:
            self.visit(statement)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Name("Path"), args=[ast.Name("__file__")], keywords=[]), attr="with_name"
                ),
                args=[ast.Constant(str() as name)],
                keywords=[],
            ):
                self.files.add(name)
            case _:
                self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in UNFOLLOWED_NAMES:
            way = 'Path(__file__).with_name("…")'
            raise self._refusal(node, f"{node.id} cannot be followed; a file beside a module is named as {way}")

    def _add(self, found: Import, node: ast.stmt) -> None:
        if found.module.split(".")[0] in UNFOLLOWED_MODULES:
            raise self._refusal(node, f"what is imported or read by {found.module} cannot be followed")
        self.imports.add(found)

    def _refusal(self, node: ast.stmt | ast.expr, complaint: str) -> NotPackaged:
        return NotPackaged(f"{self.place}:{node.lineno}: {complaint}")
