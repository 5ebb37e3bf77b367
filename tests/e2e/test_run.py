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
from scripts.local.tour import QUESTION, SECOND_QUESTION
from tests.briefly import eventually
from tests.local.conftest import LoopThread, loop_thread

__all__ = ["loop_thread"]

STEPS = 7
STEPS_BEFORE_A_MODEL = 4
STEPS_BEFORE_A_SECOND_ANSWER = 5
RUN = ("scripts/run", "--once", "--port", "0", "--state")
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

    @property
    def succeeded(self) -> int:
        """How many steps did."""
        return sum(line.startswith("✓") for line in self.lines)

    @property
    def failed(self) -> int:
        """How many steps did not."""
        return sum(line.startswith("✗") for line in self.lines)

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


def side_by_side(*commands: Watched) -> list[int]:
    """Read all to their ends; the exit statuses. No process of theirs may be left."""
    with ThreadPoolExecutor() as pool:
        statuses = list(pool.map(Watched.finish, commands))
    assert min(len(command.started) for command in commands) > STEPS
    eventually(lambda: not set().union(*(command.left() for command in commands)), 5)
    return statuses


@pytest.fixture
def village(loop_thread: LoopThread) -> Iterator[HttpEndpoint]:
    """A server that is compatible with OpenAI's, under a key and with a model of its own."""
    behaviour = Behaviour(aliases={MODEL: "local-extractive"}, tokens_per_second=0)
    serving = loop_thread.run(server.serve(ModelsConfig(openai_key=KEY, behaviour=behaviour)))
    yield serving
    loop_thread.run(serving.close())


def models_asked(village: HttpEndpoint) -> set[str]:
    """The models that the server was asked for."""
    received = requests.get(f"{village.url}/_control/requests", timeout=5).json()["requests"]
    return {one["body"]["model"] for one in received}


def test_one_command_takes_the_tour_and_beside_it_another_fails_where_its_compatible_server_does(
    tmp_path: Path, village: HttpEndpoint
) -> None:
    assert SECOND_QUESTION not in QUESTION
    gone = {"kind": "http", "status": 404, "match": {"text": SECOND_QUESTION}, "times": None}
    assert requests.post(f"{village.url}/_control/faults", json=gone, timeout=5).ok
    person, compatible = (
        make_person("demo", clock.now()),
        {"OPENAI_BASE_URL": f"{village.url}/v1", "OPENAI_API_KEY": KEY},
    )
    whole = Watched(*RUN, str(tmp_path / "whole"))
    broken = Watched(*RUN, str(tmp_path / "broken"), **compatible)
    statuses = side_by_side(whole, broken)
    output = "\n".join(whole.lines)
    assert statuses == [0, 1], output
    assert (whole.succeeded, whole.failed) == (STEPS, 0)
    sources = {line.split(": ", 1)[1] for line in whole.lines if line.startswith("  [e")}
    assert titles_of_today(person)
    assert titles_of_today(person) <= sources
    assert "scripts/call GET /users/me --as demo --port " in output
    assert (broken.succeeded, broken.failed) == (STEPS_BEFORE_A_SECOND_ANSWER, 1)
    assert any(line.startswith(f"  {MODEL}, ") for line in broken.lines)
    assert models_asked(village) == {MODEL}
    assert not any((tmp_path / folder / "state.json").exists() for folder in ("whole", "broken"))


@pytest.mark.long
def test_of_two_copies_side_by_side_one_asks_a_compatible_server_and_one_fails_for_want_of_a_model(
    tmp_path: Path, village: HttpEndpoint
) -> None:
    asking = Watched(*RUN, str(tmp_path / "asking"), OPENAI_BASE_URL=f"{village.url}/v1", OPENAI_API_KEY=KEY)
    failing = Watched(*RUN, str(tmp_path / "failing"), OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_MODEL=MODEL)
    assert side_by_side(failing, asking) == [1, 0], "\n".join(asking.lines)
    assert (failing.succeeded, failing.failed) == (STEPS_BEFORE_A_MODEL, 1)
    assert (asking.succeeded, asking.failed) == (STEPS, 0)
    assert any(line.startswith(f"  {MODEL}, ") for line in asking.lines)
    assert models_asked(village) == {MODEL}
