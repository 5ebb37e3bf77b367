"""Which pinned packages bring the modules that a function reaches, and what those packages need in their turn.

Who brings what, and who needs what, is in the metadata of what is installed
(https://packaging.python.org/specifications/core-metadata/), which therefore has to be what is pinned.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from scripts.packaging.deployment import MARKERS
from scripts.packaging.errors import NotPackaged
from scripts.packaging.pins import Pins

ALWAYS = (NormalizedName("functions-framework"),)
NEEDED_BY_STANDARD_LIBRARY = {"zoneinfo": NormalizedName("tzdata")}
"""https://docs.python.org/3/library/zoneinfo.html#data-sources: the runtime's image may have no time zones."""

Wanted = tuple[NormalizedName, str]
"""A package and one of its extras, or "" for itself."""


class Distributions:
    """The packages that are deployed, as they are installed here."""

    def __init__(self, pins: Pins):
        self._pins = pins
        self._needs: dict[Wanted, list[Wanted]] = {}

    def needed_for(self, modules: Iterable[str]) -> list[NormalizedName]:
        """What has to be installed for these modules, named as long as may be. Raises `NotPackaged`."""
        bringing = {name for module in modules for name in self._bringing(module)}
        return sorted(self._with_needs({*ALWAYS, *bringing}))

    def _bringing(self, module: str) -> Iterator[NormalizedName]:
        root = module.split(".")[0]
        if root in sys.stdlib_module_names:
            if root in NEEDED_BY_STANDARD_LIBRARY:
                yield NEEDED_BY_STANDARD_LIBRARY[root]
            return
        parts = module.split(".")
        for length in range(len(parts), 0, -1):
            bringing = self._modules.get(".".join(parts[:length]))
            if bringing:
                yield from bringing
                return
        raise NotPackaged(f"nothing that requirements.txt deploys brings {module}")

    @cached_property
    def _modules(self) -> dict[str, set[NormalizedName]]:
        """Who brings a module of this name. Namespaces such as `google.cloud` are nobody's."""
        found: dict[str, set[NormalizedName]] = defaultdict(set)
        for name in self._with_needs(self._pins.deployed):
            for file in self._installed(name).files or ():
                module = _module(PurePosixPath(file))
                if module:
                    found[module].add(name)
        return found

    def _with_needs(self, names: Iterable[NormalizedName]) -> set[NormalizedName]:
        """These, and what they need, with the extras that requirements.txt wants of whatever is among them."""
        done: set[Wanted] = set()
        waiting: list[Wanted] = [(name, "") for name in names]
        while waiting:
            one = waiting.pop()
            if one not in done:
                done.add(one)
                waiting.extend(self._needs_of(one))
        return {name for name, _ in done}

    def _needs_of(self, one: Wanted) -> list[Wanted]:
        """What it needs directly, extras beside what has them. Raises `NotPackaged`."""
        if one not in self._needs:
            name, extra = one
            needs = [(name, wanted) for wanted in self._pins.deployed.get(name, ())]
            for text in self._installed(name).requires or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate(MARKERS | {"extra": extra}):
                    other = canonicalize_name(needed.name)
                    self._check_pin(needed, other, name)
                    needs.extend((other, wanted) for wanted in ("", *needed.extras))
            self._needs[one] = needs
        return self._needs[one]

    def _check_pin(self, needed: Requirement, name: NormalizedName, by: NormalizedName) -> None:
        version = self._pins.versions.get(name)
        if version is None:
            raise NotPackaged(f"{by} needs {needed}, of which no version is pinned")
        if not needed.specifier.contains(version, prereleases=True):
            raise NotPackaged(f"{by} needs {needed}, but pinned is {version}")

    def _installed(self, name: NormalizedName) -> Distribution:
        pinned = self._pins.versions[name]
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise NotPackaged(f"{name} {pinned} is pinned but not installed") from None
        if Version(installed.version) != pinned:
            raise NotPackaged(f"{name} {pinned} is pinned, but {installed.version} installed")
        return installed


def _module(file: PurePosixPath) -> str | None:
    """The dotted name of the module in a file, of Python or compiled (`name.cpython-313-x86_64-linux-gnu.so`)."""
    if file.suffix not in (".py", ".so") or ".." in file.parts:
        return None
    stem = file.name.partition(".")[0]
    parts = file.parent.parts if stem == "__init__" else (*file.parent.parts, stem)
    return ".".join(parts)
