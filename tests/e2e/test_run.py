"""The one command: it starts, takes its tour, and leaves nothing behind."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from lib.core import clock
from scripts.local.catalog import REPOSITORY
from scripts.local.http_endpoint import HttpEndpoint
from scripts.local.models import server
from scripts.local.models.settings import Behaviour, ModelsConfig
from scripts.local.people.models import Person
from scripts.local.people.person import make_person
from tests.briefly import eventually
from tests.local.conftest import LoopThread, loop_thread

__all__ = ["loop_thread"]

STEPS = 7
STEPS_BEFORE_A_MODEL = 4
KEY = "sk-village"
MODEL = "village-7b"


class Watched:
    """A command and all processes that it ever started, as far as a look at every line of its output shows."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started: set[int] = set()
        self.lines: list[str] = []

    def finish(self) -> int:
        """Read to the end; the exit status."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(("Briefly", "✓", "✗")):
                self.started |= _descendants(self._process.pid)
        return self._process.wait()

    def left(self) -> set[int]:
        """The processes that are still there."""
        return {pid for pid, _ in _processes()} & self.started


def _processes() -> list[tuple[int, int]]:
    """Each process and its parent, ended ones that nobody has waited for excepted."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")]


def _descendants(pid: int) -> set[int]:
    found, listed = {pid}, _processes()
    while True:
        more = {child for child, parent in listed if parent in found} - found
        if not more:
            return found
        found |= more


def titles_of_today(person: Person) -> set[str]:
    """Titles of events that happen once and are on the person's day."""
    expected = set(person.expected.today_event_ids)
    return {event.summary for calendar in person.calendars for event in calendar.events if event.id in expected}


def test_one_command_starts_briefly_takes_the_tour_and_leaves_nothing_behind(tmp_path: Path) -> None:
    person = make_person("demo", clock.now())
    run = Watched("scripts/run", "--once", "--port", "0", "--state", str(tmp_path))
    status = run.finish()
    output = "\n".join(run.lines)
    assert status == 0, output
    assert sum(line.startswith("✓") for line in run.lines) == STEPS
    sources = {line.split(": ", 1)[1] for line in run.lines if line.startswith("  [e")}
    assert titles_of_today(person)
    assert titles_of_today(person) <= sources
    assert "scripts/call GET /users/me --as demo --port " in output
    assert len(run.started) > STEPS
    eventually(lambda: not run.left(), 5)
    assert not (tmp_path / "state.json").exists()


@pytest.fixture
def village(loop_thread: LoopThread) -> Iterator[HttpEndpoint]:
    """A server that is compatible with OpenAI's, under a key and with a model of its own."""
    behaviour = Behaviour(aliases={MODEL: "local-extractive"}, tokens_per_second=0)
    serving = loop_thread.run(server.serve(ModelsConfig(openai_key=KEY, behaviour=behaviour)))
    yield serving
    loop_thread.run(serving.close())


def test_of_two_copies_side_by_side_one_asks_a_compatible_server_and_one_fails_for_want_of_a_model(
    tmp_path: Path, village: HttpEndpoint
) -> None:
    command = ("scripts/run", "--once", "--port", "0", "--state")
    asking = Watched(*command, str(tmp_path / "asking"), OPENAI_BASE_URL=f"{village.url}/v1", OPENAI_API_KEY=KEY)
    failing = Watched(*command, str(tmp_path / "failing"), OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_MODEL=MODEL)
    with ThreadPoolExecutor() as pool:
        failed, succeeded = pool.map(Watched.finish, (failing, asking))
    assert (failed, succeeded) == (1, 0), "\n".join(asking.lines)
    assert sum(line.startswith("✗") for line in failing.lines) == 1
    assert sum(line.startswith("✓") for line in failing.lines) == STEPS_BEFORE_A_MODEL
    assert sum(line.startswith("✓") for line in asking.lines) == STEPS
    assert any(line.startswith(f"  {MODEL}, ") for line in asking.lines)
    received = requests.get(f"{village.url}/_control/requests", timeout=5).json()["requests"]
    assert {one["body"]["model"] for one in received} == {MODEL}
    assert min(len(asking.started), len(failing.started)) > STEPS
    eventually(lambda: not asking.left() | failing.left(), 5)
