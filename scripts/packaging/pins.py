"""The exact versions: requirements.txt says what is deployed, the other files have those of what comes with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from scripts.packaging.errors import NotPackaged

DEPLOYED = "requirements.txt"
OTHERS = ("requirements-dev.txt", "constraints.txt")


@dataclass(frozen=True)
class Pins:
    """`versions` of everything that is pinned; `deployed` are those of requirements.txt, with the extras wanted."""

    versions: Mapping[NormalizedName, Version]
    deployed: Mapping[NormalizedName, frozenset[str]]

    @classmethod
    def of(cls, root: Path) -> "Pins":
        """Those of the repository at `root`. Raises `NotPackaged`."""
        deployed = list(_requirements(root / DEPLOYED))
        others = [one for name in OTHERS for one in _requirements(root / name)]
        return cls(
            {canonicalize_name(one.name): _version(one) for one in (*others, *deployed)},
            {canonicalize_name(one.name): frozenset(one.extras) for one in deployed},
        )

    def line(self, name: NormalizedName) -> str:
        """As a line of a requirements file."""
        return f"{name}=={self.versions[name]}"


def _requirements(file: Path) -> Iterator[Requirement]:
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        # The rest are options: https://pip.pypa.io/en/stable/reference/requirements-file-format/
        if text and not text.startswith("-"):
            try:
                yield Requirement(text)
            except InvalidRequirement as error:
                raise NotPackaged(f"{file.name}: {error}") from None


def _version(requirement: Requirement) -> Version:
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith("*"):
        raise NotPackaged(f"{requirement.name} is not pinned to one version")
    return Version(specifiers[0].version)
