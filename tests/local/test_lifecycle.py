"""A copy comes up or says in one line why not, and leaves nothing behind however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from scripts.local import preflight, state
from scripts.local.catalog import REPOSITORY
from scripts.local.preflight import NotReady
from scripts.local.state import State
from tests.local.conftest import eventually
from tests.local.front_door_rig import FUNCTIONS

START_SECONDS = 40.0
NOT_READY = 2
# Tells its version as another would, and otherwise ends, but not before the world's process is there.
FAILING_JAVA = """#!/usr/bin/env bash
[[ "$1" == -version ]] && exec echo 'openjdk version "17.0.15" 2025-04-15' >&2
until [[ -e {world} ]]; do sleep 0.05; done
exit 1
"""


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command over the tiny functions."""
    command = [
        sys.executable,
        "-m",
        "scripts.local",
        "--state",
        str(folder),
        "--catalog",
        str(FUNCTIONS / "catalog.yaml"),
    ]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(tmp_path, "--port", "0")
    with process:
        yield process
        process.kill()


def came_up(folder: Path) -> State:
    """The state of the copy, with a function started."""
    eventually(lambda: _state(folder) is not None, within=START_SECONDS)
    running = state.read(folder)
    assert requests.get(f"{running.origin}/open-echo/", timeout=20).status_code == 200
    return running


def _state(folder: Path) -> State | None:
    try:
        return state.read(folder)
    except state.NotRunning:
        return None


def processes_of(running: State) -> set[int]:
    """Everything that was started: emulators, the world, and the function's processes."""
    functions = requests.get(f"{running.control}/_control/functions", timeout=5).json()
    started = {one["pid"] for function in functions.values() for one in function["instances"]}
    assert started
    return {*running.processes.values(), *started}


def alive(pids: set[int]) -> set[int]:
    """Those in whose group some process is left, ended ones that nobody has waited for excepted."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    groups = {int(line.split()[0]) for line in listed.splitlines() if not line.split()[1].startswith("Z")}
    return pids & groups


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_copy_leaves_no_process_behind_however_it_ends(
    runner: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    pids = processes_of(came_up(tmp_path))
    assert alive(pids) == pids
    runner.send_signal(number)
    code = runner.wait(20)
    assert code == (-number if number == signal.SIGKILL else 0)
    eventually(lambda: not alive(pids))
    assert _state(tmp_path) is None


def test_a_copy_that_is_stopped_while_it_starts_leaves_no_process_behind(
    runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    eventually(lambda: (tmp_path / "world.json").exists(), within=START_SECONDS)
    children = _children_of(runner.pid)
    runner.send_signal(signal.SIGTERM)
    runner.wait(20)
    eventually(lambda: not alive(children))


def _children_of(pid: int) -> set[int]:
    listed = subprocess.run(["ps", "-eo", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
    return {int(line.split()[1]) for line in listed.splitlines() if int(line.split()[0]) == pid}


def one_line(process: subprocess.Popen[str]) -> str:
    """What the command said when it refused to start."""
    output, errors = process.communicate(timeout=20)
    assert process.returncode == NOT_READY
    assert output == ""
    assert errors.count("\n") == 1
    return errors


def test_a_busy_port_is_said_in_one_line_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = one_line(start(tmp_path, "--port", str(port)))
    assert f"Port {port}" in said
    assert "--port" in said
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_cannot_be_is_said_in_one_line(tmp_path: Path, port: str) -> None:
    assert one_line(start(tmp_path, "--port", port)) == (
        f"There is no port {port}: choose one from 0 to 65535 with --port\n"
    )


def test_a_start_that_fails_when_children_exist_is_said_in_one_line_and_leaves_none(tmp_path: Path) -> None:
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(FAILING_JAVA.format(world=tmp_path / "copy" / "world.json"))
    java.chmod(0o755)
    said = one_line(start(tmp_path / "copy", "--port", "0", JAVA_HOME=str(tmp_path / "java")))
    assert re.fullmatch(r"The \w+ emulator does not start: see .*\.log\n", said)
    listed = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    assert (tmp_path / "copy" / "world.json").exists()
    assert str(tmp_path / "copy") not in listed


def test_a_missing_java_is_said_in_one_line_with_how_to_get_it(tmp_path: Path) -> None:
    said = one_line(start(tmp_path, "--port", "0", PATH=str(tmp_path), JAVA_HOME=str(tmp_path)))
    assert re.search(r"Java was not found: .*apt install.*brew install", said)
    assert not (tmp_path / "logs").exists()


def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'java version \"1.8.0_202\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(NotReady, match="is Java 8: install Java 11 or later"):
        preflight.find_java()


def test_missing_emulators_are_named_with_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="gcloud components install cloud-firestore-emulator pubsub-emulator"):
        preflight.find_emulators([tmp_path])


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_202"', 8),
        ('openjdk version "21" x', 21),
        ("?", None),
    ],
)
def test_the_version_of_java_is_read_from_what_it_says(said: str, version: int | None) -> None:
    assert preflight.java_version(said) == version


def test_a_call_without_a_running_copy_says_how_to_start_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.local.call", "GET", "/users/me", "--state", str(tmp_path)]
    called = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert called.returncode == NOT_READY
    assert called.stderr == f"No local cloud runs in {tmp_path}: start one with scripts/run\n"
