"""What is in a package."""

import io
import zipfile
from pathlib import Path

from scripts.packaging.package import Package


def opened(package: Package) -> zipfile.ZipFile:
    """The archive."""
    return zipfile.ZipFile(io.BytesIO(package.content))


def unpacked(package: Package, folder: Path) -> Path:
    """The folder, with the package's files."""
    with opened(package) as archive:
        archive.extractall(folder)
    return folder


def files(package: Package) -> set[str]:
    """The paths of its files."""
    with opened(package) as archive:
        return set(archive.namelist())


def requirements(package: Package) -> dict[str, str]:
    """The versions that it asks for."""
    with opened(package) as archive:
        lines = archive.read("requirements.txt").decode().splitlines()
    return dict(line.split("==") for line in lines)
