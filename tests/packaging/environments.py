"""Python environments that hold exactly what a requirements file lists: linked from this one, or installed by pip."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path, PurePosixPath

DEPLOYED_PYTHON = "python3.13"


def linked(requirements: Path, folder: Path) -> str:
    """An interpreter that finds what is listed, and nothing else, where this environment has it."""
    venv.EnvBuilder(symlinks=True).create(folder)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for line in requirements.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        found = distribution(name)
        assert found.version == version
        for place in _own_places(found):
            (packages / place).parent.mkdir(parents=True, exist_ok=True)
            (packages / place).symlink_to(str(found.locate_file(place)))
    return str(folder / "bin" / "python")


def installed(requirements: Path, folder: Path) -> str:
    """An interpreter for which pip has installed what is listed and no more, and has found nothing missing."""
    subprocess.run([_python(), "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--requirement", requirements], check=True)
    subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
    return python


def _python() -> str:
    """The version that is deployed, if this machine has it."""
    found = shutil.which(DEPLOYED_PYTHON)
    if found and subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
        return found
    return sys.executable


def _own_places(found: Distribution) -> Iterator[PurePosixPath]:
    """The largest folders that are the distribution's alone, and its files in those that it shares."""
    shared = _shared_folders()
    places = set()
    for file in _files(found):
        within = [*reversed(file.parents[:-1]), file]
        places.add(next(place for place in within if place not in shared))
    yield from sorted(places)


@cache
def _shared_folders() -> set[PurePosixPath]:
    """Those in which more than one distribution has something."""
    seen: set[PurePosixPath] = set()
    shared: set[PurePosixPath] = set()
    for found in distributions():
        own = {folder for file in {file.parent for file in _files(found)} for folder in (file, *file.parents)}
        shared |= seen & own
        seen |= own
    return shared


def _files(found: Distribution) -> Iterator[PurePosixPath]:
    """What it has among the packages; its programs are elsewhere."""
    for file in found.files or ():
        if os.pardir not in file.parts:
            yield file
