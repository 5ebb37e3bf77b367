"""The command `scripts/package`: writes a zip for each function, and says what is in it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.local import catalog
from scripts.local.catalog import REPOSITORY, InvalidCatalog
from scripts.packaging import output
from scripts.packaging.errors import NotPackaged
from scripts.packaging.package import Package, Packager


def main() -> int:
    """Make the packages and print a line for each. Exits with 1 if there is none."""
    given = _arguments().parse_args()
    try:
        packages = Packager(REPOSITORY, catalog.load()).all()
        output.write(packages, given.out)
    except (NotPackaged, InvalidCatalog, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    _print(packages)
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/package", description="Write a zip for each function.")
    default = REPOSITORY / "build"
    parser.add_argument("--out", type=Path, default=default, metavar="DIR", help="where to (default build/)")
    return parser


def _print(packages: Sequence[Package]) -> None:
    print(f"{'function':<12}{'zip':<34}{'KiB':>6}{'modules':>10}{'packages':>10}")
    for one in packages:
        size = f"{len(one.content) / 1024:.0f}"
        print(f"{one.function:<12}{one.file_name:<34}{size:>6}{one.modules:>10}{one.distributions:>10}")


if __name__ == "__main__":
    sys.exit(main())
