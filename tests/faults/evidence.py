"""What can be seen from outside after schedules have settled: all that is kept, logged, sent and counted."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from google.cloud.firestore import DocumentReference, FieldFilter
from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.cloud.tasks_v2.types import ListTasksRequest, Task

from lib.core.grpc_endpoint import transport
from lib.core.store import Database, Snapshot, UserId, client, person
from lib.core.telemetry import person_hash
from scripts.local.project import PROJECT, REGION
from tests.briefly import Briefly

PEOPLE = "users"
# Whose documents have collections of their own.
NESTED = ("conversations", "runs")


@dataclass
class Logs:
    """What functions write, read on from where the last reading ended."""

    folder: Path
    _read: dict[Path, int] = field(default_factory=dict)

    def more(self) -> list[str]:
        """The lines since the last time."""
        lines: list[str] = []
        for path in sorted(self.folder.glob("*.log")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                # A line may be half written.
                whole, _, _ = file.read().rpartition(b"\n")
            if whole:
                self._read[path] = self._read.get(path, 0) + len(whole) + 1
                lines += whole.decode("utf-8", "replace").splitlines()
        return lines


@dataclass
class Surroundings:
    """What a wave of people left behind that is not kept under one person."""

    logs: list[str] = field(default_factory=list)
    pushes: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    prompts: str = ""
    befallen: list[dict[str, Any]] = field(default_factory=list)
    overtaken: set[str] = field(default_factory=set)
    """Runs that were being answered when the clock was moved, so that their leases ran out under their holders."""

    def api_calls(self) -> dict[str, int]:
        """How many API calls the log lines tell of, by the person's hash."""
        counts: dict[str, int] = {}
        for line in self.logs:
            if '"api_call"' in line:
                told = json.loads(line)
                if told.get("event") == "api_call":
                    counts[told["person"]] = counts.get(told["person"], 0) + 1
        return counts

    def lost_with_an_instance(self, function: str, user: str) -> list[datetime]:
        """When instances of a function were killed that were at work for the person."""
        kills = [one for one in self.befallen if one["function"] == function and user in one["lost"]]
        return [datetime.fromisoformat(one["at"]) for one in kills]

    def killed(self, function: str) -> int:
        """How many instances of a function were killed."""
        return sum(one["function"] == function and one["kind"].startswith("kill") for one in self.befallen)

    def texts(self) -> Iterable[tuple[str, str]]:
        """All that was written, with where."""
        yield "logs", "\n".join(self.logs)
        yield "Pub/Sub", json.dumps(self.pushes)
        yield "tasks", "\n".join(self.tasks)
        yield "prompts", self.prompts


@dataclass(frozen=True)
class Kept:
    """Everything that is kept of one person, by path, in each database."""

    user: str
    documents: dict[str, Any]
    audited: dict[str, Any]

    @classmethod
    def of(cls, user: str) -> "Kept":
        roots = [person(UserId(user), database) for database in (Database.DEFAULT, Database.VAULT)]
        documents = {snapshot.reference.path: snapshot.to_dict() for root in roots for snapshot in _below(root)}
        audited = _below(person(UserId(person_hash(user)), Database.AUDIT))
        return cls(user, documents, {snapshot.reference.path: snapshot.to_dict() for snapshot in audited})

    def under(self, collection: str) -> list[dict[str, Any]]:
        """The documents of one of the person's collections."""
        prefix = f"{PEOPLE}/{self.user}/{collection}/"
        return [
            document | {"_path": path}
            for path, document in self.documents.items()
            if path.startswith(prefix) and "/" not in path.removeprefix(prefix)
        ]

    def messages(self) -> list[dict[str, Any]]:
        """Everything that was said in the person's conversations."""
        return [document for path, document in self.documents.items() if "/messages/" in path]


def _below(document: DocumentReference) -> Iterator[Snapshot]:
    """Every document under one. A recursive query would have the emulator look through all people's documents."""
    for collection in document.collections():
        for snapshot in collection.stream():
            yield snapshot
            if collection.id in NESTED:
                yield from _below(snapshot.reference)


def pushes(briefly: Briefly) -> list[dict[str, Any]]:
    """The deliveries of late."""
    found: list[dict[str, Any]] = briefly.control("push", "GET", "pushes")["pushes"]
    return found


def waiting_tasks(briefly: Briefly) -> list[str]:
    """Every task that waits, as text with all that it carries."""
    tasks = CloudTasksClient(transport=transport(CloudTasksGrpcTransport, briefly.state.endpoints.tasks))
    queue = tasks.queue_path(PROJECT, REGION, "runs")
    return [str(task) for task in tasks.list_tasks(ListTasksRequest(parent=queue, response_view=Task.View.FULL))]


def claimed_runs(user: str) -> list[str]:
    """The person's runs that somebody holds."""
    runs = person(UserId(user)).collection("runs").where(filter=FieldFilter("state", "==", "running"))
    return [snapshot.id for snapshot in runs.stream()]


def whole_database() -> Iterator[str]:
    """Every document of the default database as text, whoever it belongs to."""
    for root in client().collections():
        for snapshot in root.recursive().stream():
            yield repr(snapshot.to_dict())


def hash_of(user: str) -> str:
    """How logs name the person."""
    return person_hash(user)


def calls_counted(user: str) -> int:
    """How many API calls of a person are counted by now."""
    events = person(UserId(user)).collection("usage_events")
    found = events.where(filter=FieldFilter("kind", "==", "api_call")).count().get()
    return int(found[0][0].value)
