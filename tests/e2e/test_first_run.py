"""What the commands do before there is a .venv: in a copy of them, with a Python that imitates venv and pip."""

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.local.catalog import REPOSITORY
from tests.briefly import eventually

NOT_READY = 2
PYTHON = """#!/usr/bin/env bash
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python; [[ ! -e without_venv ]] ;;
  "-m pip --version") [[ ! -e .venv/without_pip ]] ;;
  "-m pip install "*)
    echo "$*" >>installed
    if [[ -e slow ]]; then sleep 300 & echo "$$ $!" >started; wait; fi ;;
  *) exec {python} "$@" ;;
esac
"""
PROGRAMS = ("bash", "env", "cat", "cp", "dirname", "mkdir", "rm", "sleep")
PREPARE = "source scripts/environment.sh; prepare"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A repository with the commands, what they need before they install anything, and no Java on its path."""
    for name in ("environment.sh", "run", "test", "__init__.py", "local/__init__.py", "local/preflight.py"):
        target = tmp_path / "scripts" / name
        target.parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(REPOSITORY / "scripts" / name, target)
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        (tmp_path / name).touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(shutil.which(name) or "")
    python = programs / "python3.13"
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    return tmp_path


def begin(house: Path, *command: str) -> subprocess.Popen[str]:
    """Start a command in that repository."""
    environment = {"PATH": str(house / "bin"), "HOME": str(house), "CLOUDSDK_ROOT_DIR": str(house)}
    return subprocess.Popen(
        ["bash", *command], cwd=house, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> list[str]:
    """The lines that it wrote, all of them to standard error."""
    output, errors = process.communicate(timeout=60)
    assert output == ""
    return errors.splitlines()


def installs(house: Path) -> int:
    """How often pip was asked to install."""
    return (house / "installed").read_text().count("\n") if (house / "installed").exists() else 0


def test_what_is_required_is_installed_once(house: Path) -> None:
    for _ in range(2):
        process = begin(house, "-c", PREPARE)
        said(process)
        assert process.returncode == 0
    assert installs(house) == 1
    (house / "constraints.txt").write_text("# another")
    said(begin(house, "-c", PREPARE))
    assert installs(house) == 2


def test_a_venv_that_could_not_be_made_is_no_obstacle_the_next_time(house: Path) -> None:
    (house / "without_venv").touch()
    process = begin(house, "-c", PREPARE)
    assert said(process)[-1].startswith("Python's venv module does not work: install it")
    assert process.returncode == NOT_READY
    assert not (house / ".venv").exists()
    (house / "without_venv").unlink()
    process = begin(house, "-c", PREPARE)
    said(process)
    assert (process.returncode, installs(house)) == (0, 1)


def test_a_venv_without_pip_is_made_anew(house: Path) -> None:
    (house / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(house / "bin" / "python3.13", house / ".venv" / "bin" / "python")
    (house / ".venv" / "without_pip").touch()
    process = begin(house, "-c", PREPARE)
    said(process)
    assert (process.returncode, installs(house)) == (0, 1)
    assert not (house / ".venv" / "without_pip").exists()


def test_a_command_that_is_stopped_while_it_installs_leaves_no_process_behind(house: Path) -> None:
    (house / "slow").touch()
    process = begin(house, "-c", PREPARE)
    eventually(lambda: (house / "started").exists() and (house / "started").read_text().endswith("\n"))
    pids = [int(pid) for pid in (house / "started").read_text().split()]
    assert all(is_alive(pid) for pid in pids)
    process.send_signal(signal.SIGTERM)
    said(process)
    assert process.returncode == 128 + signal.SIGTERM
    eventually(lambda: not any(is_alive(pid) for pid in pids), 5)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, ended ones that nobody has waited for excepted."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(listed.strip()) and not listed.startswith("Z")


@pytest.mark.parametrize("command", ["run", "test"])
def test_what_the_machine_lacks_is_said_in_one_line_before_anything_is_installed(house: Path, command: str) -> None:
    process = begin(house, f"scripts/{command}", *(["--port", "0"] if command == "run" else []))
    (line,) = said(process)
    assert line.startswith("Java was not found: install Java 11 or later")
    assert process.returncode == NOT_READY
    assert not (house / ".venv").exists()


def test_a_port_that_cannot_be_used_is_said_before_anything_is_installed(house: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (line,) = said(begin(house, "scripts/run", "--once", "--port", str(port)))
    assert line.startswith(f"Port {port} cannot be used")
    assert not (house / ".venv").exists()
