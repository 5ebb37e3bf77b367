"""What a running copy tells other programs: `.local/PORT/state.json`, there as long as it runs."""

import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from scripts.local.catalog import REPOSITORY
from scripts.local.endpoints import Endpoints

STATES = REPOSITORY / ".local"
STATE_FILE = "state.json"


class NotRunning(Exception):
    """No local cloud runs there. The message says how to start one."""


class State(BaseModel):
    """A running copy: where everything is, its control APIs, and the keys with which to stand in for the gateway.

    `processes` are the process ids of what it started beside functions. `people` are user ids by short name.
    `certificates` is a file with all that clients of the copy trust.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    processes: dict[str, int]
    endpoints: Endpoints
    control: str
    push_control: str
    people: dict[str, str]
    gateway_key: dict[str, Any]
    identity_key: Path
    clerk_secret_key: str
    clock_offset_file: Path
    certificates: Path
    folder: Path

    @property
    def origin(self) -> str:
        return self.endpoints.origin


def write(state: State) -> None:
    """Write the state at once as a whole, readable by its owner only: it holds keys."""
    descriptor, draft = tempfile.mkstemp(dir=state.folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(state.model_dump_json(indent=2))
    os.replace(draft, state.folder / STATE_FILE)


def read(folder: Path) -> State:
    """The state of the copy whose folder this is. Raises `NotRunning`."""
    try:
        state = State.model_validate_json((folder / STATE_FILE).read_bytes())
        os.kill(state.pid, 0)
    except (OSError, ValidationError):
        raise NotRunning(f"No local cloud runs in {folder}: start one with scripts/run") from None
    return state


def read_of_port(port: int) -> State:
    """The state of the copy with this origin port. Raises `NotRunning`."""
    return read(STATES / str(port))
