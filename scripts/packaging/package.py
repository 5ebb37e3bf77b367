"""The package of a function, as Cloud Run's buildpack takes it.

At its root stand `main.py`, where functions-framework looks for the target, and `requirements.txt`, for pip; under
`functions/` and `lib/` what the function reaches, at the same paths as in the repository.
https://cloud.google.com/run/docs/write-functions#directory-structure
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts.local.catalog import Catalog, folder
from scripts.packaging.archive import archive
from scripts.packaging.distributions import Distributions
from scripts.packaging.pins import Pins
from scripts.packaging.reach import Sources

DIGITS = 16
MAIN = PurePosixPath("main.py")
REQUIREMENTS = PurePosixPath("requirements.txt")


@dataclass(frozen=True)
class Package:
    """What is deployed of a function. `modules` and `distributions` are how many of ours and of others."""

    function: str
    target: str
    asgi: bool
    content: bytes
    modules: int
    distributions: int

    @property
    def sha256(self) -> str:
        """Of the archive, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def file_name(self) -> str:
        """Another one exactly if the content is another: a function is deployed anew when its object's name changes."""
        return f"{self.function}-{self.sha256[:DIGITS]}.zip"


class Packager:
    """Makes packages of the repository at `root`. Raises `NotPackaged`."""

    def __init__(self, root: Path, catalog: Catalog):
        self._root = root
        self._catalog = catalog
        self._sources = Sources(root)
        self._pins = Pins.of(root)
        self._distributions = Distributions(self._pins)

    def all(self) -> list[Package]:
        """A package for each function of the catalogue, by name."""
        return [self.package(name) for name in sorted(self._catalog.functions)]

    def package(self, name: str) -> Package:
        """The package of a function by its cloud name."""
        row = self._catalog.functions[name]
        target = row.target or folder(name)
        reach = self._sources.reached_from(Path("functions", folder(name), "main.py"))
        needed = self._distributions.needed_for(reach.foreign)
        files = {PurePosixPath(path): (self._root / path).read_bytes() for path in reach.modules | reach.files}
        files[MAIN] = _main(folder(name), target)
        files[REQUIREMENTS] = "".join(f"{self._pins.line(one)}\n" for one in needed).encode()
        return Package(name, target, row.asgi, archive(files), len(reach.modules), len(needed))


def _main(module: str, target: str) -> bytes:
    lines = [
        f'"""Serves the function `{target}`. Generated."""',
        "",
        f"from functions.{module}.main import {target}",
        "",
        f'__all__ = ["{target}"]',
        "",
    ]
    return "\n".join(lines).encode()
