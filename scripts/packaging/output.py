"""The folder of the packages: one archive per function, and `packages.json`, by which terraform finds them."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from scripts.packaging.deployment import RUNTIME
from scripts.packaging.package import DIGITS, Package

LIST = "packages.json"
_ARCHIVE = re.compile(rf"[a-z0-9-]+-[0-9a-f]{{{DIGITS}}}\.zip")


def write(packages: Sequence[Package], out: Path) -> None:
    """Write the archives, then the list, and remove the archives of earlier runs. Other files stay."""
    out.mkdir(parents=True, exist_ok=True)
    for package in packages:
        _write(out / package.file_name, package.content)
    _write(out / LIST, (json.dumps(_list(packages), indent=2) + "\n").encode())
    current = {package.file_name for package in packages}
    for file in out.iterdir():
        if _ARCHIVE.fullmatch(file.name) and file.name not in current:
            file.unlink()


def _list(packages: Sequence[Package]) -> dict[str, dict[str, object]]:
    """By the function's cloud name: its archive beside the list, and how it is served."""
    return {
        package.function: {
            "archive": package.file_name,
            "sha256": package.sha256,
            "runtime": RUNTIME,
            "target": package.target,
            "asgi": package.asgi,
        }
        for package in packages
    }


def _write(file: Path, content: bytes) -> None:
    """At once as a whole, so that nobody finds half of it under this name."""
    draft = file.with_name(f".{file.name}.draft")
    draft.write_bytes(content)
    os.replace(draft, file)
