"""The one command: it starts, takes its tour, and leaves nothing behind."""

import subprocess
from pathlib import Path

from lib.core import clock
from scripts.local.catalog import REPOSITORY
from scripts.local.people.models import Person
from scripts.local.people.person import make_person
from tests.briefly import eventually

STEPS = 6


class Watched:
    """A command and all processes that it ever started, as far as a look at every line of its output shows."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
