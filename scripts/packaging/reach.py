"""What a function reaches: modules of `lib` with the files that they read, and modules of others."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scripts.packaging.errors import NotPackaged
from scripts.packaging.mentions import Import, Mentions

OWN = "lib"


@dataclass(frozen=True)
class Reach:
    """Paths are relative to the root. `foreign` are the longest dotted names of what is not ours."""

    modules: frozenset[Path]
    files: frozenset[Path]
    foreign: frozenset[str]


@dataclass(frozen=True)
class Sources:
    """The repository at `root`; each module is read once."""

    root: Path
    _direct: dict[Path, Reach] = field(default_factory=dict)

    def reached_from(self, module: Path) -> Reach:
        """Everything that importing this module, and calling what is in it, may bring in. Raises `NotPackaged`."""
        reached: dict[Path, Reach] = {}
        waiting = [module]
        while waiting:
            place = waiting.pop()
            if place not in reached:
                reached[place] = self._reached_directly(place)
                waiting.extend(reached[place].modules)
        files = (direct.files for direct in reached.values())
        foreign = (direct.foreign for direct in reached.values())
        return Reach(frozenset(reached), frozenset().union(*files), frozenset().union(*foreign))

    def _reached_directly(self, place: Path) -> Reach:
        if place not in self._direct:
            mentions = Mentions.of(self.root / place, place)
            own = {one for one in mentions.imports if one.module.split(".")[0] == OWN}
            modules = frozenset(module for one in own for module in self._own(one, place))
            foreign = frozenset(one.longest for one in mentions.imports - own)
            self._direct[place] = Reach(modules, frozenset(self._files(mentions)), foreign)
        return self._direct[place]

    def _own(self, found: Import, place: Path) -> Iterator[Path]:
        """The module, the name if that is a module too, and the packages that they are in."""
        if self._module(found.module) is None:
            raise NotPackaged(f"{place}: there is no module {found.module}")
        parts = found.longest.split(".")
        for length in range(1, len(parts) + 1):
            module = self._module(".".join(parts[:length]))
            if module is not None:
                yield module

    def _module(self, name: str) -> Path | None:
        path = Path(*name.split("."))
        candidates = (path.with_suffix(".py"), path / "__init__.py")
        return next((candidate for candidate in candidates if (self.root / candidate).is_file()), None)

    def _files(self, mentions: Mentions) -> Iterator[Path]:
        for name in mentions.files:
            file = mentions.place.with_name(name)
            if not (self.root / file).is_file():
                raise NotPackaged(f"{mentions.place}: there is no file {file}")
            yield file
