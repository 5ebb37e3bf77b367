"""The same input gives the same bytes, and an edit gives other names to the archives that it reaches only."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.local import catalog
from scripts.local.catalog import REPOSITORY
from scripts.packaging import output
from scripts.packaging.package import Package, Packager
from tests.packaging.contents import files, opened, requirements

INPUT = ("functions", "lib", "requirements.txt", "requirements-dev.txt", "constraints.txt")
EVERYBODY = set(catalog.load().functions)
EDITS = {
    "lib/core/clock.py": EVERYBODY,
    "lib/core/http.py": EVERYBODY - {"stream"},
    "lib/accounts/vault/sealing.py": {"tokens"},
    "lib/office/google/mail.py": {"mail", "events", "stream"},
    "lib/chat/top_level_domains.txt": {"stream"},
    "functions/on_user/main.py": {"on-user"},
    "functions/catalog.yaml": set(),
    "lib/core/storage.py": {"maintain", "on-person", "seal-audit", "tokens", "users"},
}
"""Whose packages hold a file."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what packages are made of, elsewhere, of another time and with other modes."""
    copy = tmp_path_factory.mktemp("copy")
    for name in INPUT:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    then = datetime(2001, 2, 3, tzinfo=UTC).timestamp()
    for path in copy.rglob("*"):
        os.utime(path, (then, then))
        path.chmod(path.stat().st_mode & ~(stat.S_IRWXG | stat.S_IRWXO))
    return copy


def packed(repository: Path) -> dict[str, Package]:
    """The packages of a repository, by the functions' names."""
    rows = catalog.load(repository / "functions" / "catalog.yaml")
    return {package.function: package for package in Packager(repository, rows).all()}


@contextmanager
def edited(file: Path) -> Iterator[None]:
    """The file is another for as long as the block."""
    text = file.read_bytes()
    file.write_bytes(text + b"\n")
    try:
        yield
    finally:
        file.write_bytes(text)


def test_the_same_input_gives_the_same_bytes(packages: dict[str, Package], repository: Path) -> None:
    assert packed(repository) == packages


@pytest.mark.parametrize("place", EDITS)
def test_an_edit_renames_the_archives_that_it_reaches_and_no_other(
    packages: dict[str, Package], repository: Path, place: str
) -> None:
    with edited(repository / place):
        after = packed(repository)
    assert {name for name in packages if packages[name].file_name != after[name].file_name} == EDITS[place]


def test_an_archive_is_named_by_its_content(packages: dict[str, Package]) -> None:
    assert len({package.file_name for package in packages.values()}) == len(packages)
    for name, package in packages.items():
        assert package.file_name == f"{name}-{package.sha256[:16]}.zip"


def test_an_archive_holds_nothing_of_time_and_place(packages: dict[str, Package]) -> None:
    for package in packages.values():
        with opened(package) as archive:
            entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(entry.external_attr >> 16) for entry in entries} == {"0o100644"}


def test_a_package_holds_its_function_and_what_it_reaches(packages: dict[str, Package]) -> None:
    for name, package in packages.items():
        folders = {file.rpartition("/")[0].split("/")[0] for file in files(package)}
        assert folders == {"", "functions", "lib"}
        at_root = {file for file in files(package) if "/" not in file}
        assert at_root == {"main.py", "requirements.txt"}
        mains = {file for file in files(package) if file.startswith("functions/")}
        assert mains == {f"functions/{name.replace('-', '_')}/main.py"}


def test_a_file_that_a_module_reads_comes_with_it(packages: dict[str, Package]) -> None:
    assert "lib/chat/top_level_domains.txt" in files(packages["stream"])
    assert "lib/ai/models.json" in files(packages["chat"])
    assert not [file for file in files(packages["users"]) if not file.endswith((".py", "requirements.txt"))]


def test_the_list_tells_terraform_of_every_archive(packages: dict[str, Package], tmp_path: Path) -> None:
    output.write(list(packages.values()), tmp_path)
    listed = json.loads((tmp_path / "packages.json").read_text())
    assert set(listed) == set(catalog.load().functions)
    for package in listed.values():
        assert (tmp_path / package["archive"]).is_file()
        assert package["runtime"] == "python313"
    assert (listed["on-user"]["target"], listed["on-user"]["asgi"]) == ("on_user", False)
    assert (listed["stream"]["target"], listed["stream"]["asgi"]) == ("stream", True)


def test_archives_of_earlier_runs_go_and_other_files_stay(packages: dict[str, Package], tmp_path: Path) -> None:
    stale, other = tmp_path / "users-0123456789abcdef.zip", tmp_path / "users.zip"
    stale.touch()
    other.touch()
    output.write([packages["users"]], tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {packages["users"].file_name, "packages.json", "users.zip"}


def test_the_command_writes_where_its_caller_stands(packages: dict[str, Package], tmp_path: Path) -> None:
    command = [REPOSITORY / "scripts" / "package", "--out", "here"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120).stdout
    written = {file.name for file in (tmp_path / "here").iterdir()}
    assert written == {"packages.json", *(package.file_name for package in packages.values())}
    for package in packages.values():
        (line,) = [line for line in told.splitlines() if line.startswith(f"{package.function} ")]
        count = sum(file.startswith(("lib/", "functions/")) and file.endswith(".py") for file in files(package))
        assert line.split()[1] == package.file_name
        assert line.split()[3:] == [str(count), str(len(requirements(package)))]
