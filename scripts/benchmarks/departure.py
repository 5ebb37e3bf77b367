"""What it takes to copy everything that is a person's, and to delete it: time, and whether memory grows with size."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lib.core import clock
from lib.core.store import UserId, client, person
from lib.lifecycle import deletion
from lib.lifecycle import store as lifecycle
from scripts.benchmarks import process_group
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.progress import say
from scripts.benchmarks.surroundings import Person, SetUpFailed, Surroundings

SIZES = (1_000, 10_000)
QUICK_SIZES = (100, 300)
WORKER = "on-person"
AT_ONCE = 400
TEXT_BYTES = 1_000
PATIENCE_SECONDS = 300.0
BETWEEN_SECONDS = 0.05
MEBIBYTE = 1024.0**2

_METHOD = """\
Somebody new gets so many documents of a kilobyte each, and asks for an export; then they are deleted. Time is from the
request to the ready ZIP file, and from the beginning of the deletion until nothing is left, with Pub/Sub between the
steps. Memory is the most that the instance of `{worker}` has ever had, a fresh one for each size. Before, each has
exported and deleted somebody with no documents, so that everything is imported."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Departed:
    """Seconds for either, and the worker's peak in bytes before, after the export, and after the deletion."""

    export_seconds: float
    deletion_seconds: float
    before: int
    exported: int
    deleted: int
    zip_bytes: int


async def measure(around: Surroundings, *, quick: bool = False) -> Part:
    """Have people of both sizes go."""
    found = {size: await _departed(around, size) for size in (QUICK_SIZES if quick else SIZES)}
    (small, less), (large, more) = found.items()
    growth = max(more.exported - less.exported, more.deleted - less.deleted) / MEBIBYTE
    per_document = (more.export_seconds / large) / (less.export_seconds / small)
    times, memory = ("export, s", "ZIP, MiB", "deletion, s"), ("MiB before", "after the export", "after the deletion")
    return Part(
        title="Export and deletion",
        question=f"What does it take to export and to delete a person with {large:,} documents?",
        method=_METHOD.format(worker=WORKER),
        figures=[
            Figure(f"export of {large:,} documents", more.export_seconds, "s", digits=1),
            Figure(f"deletion of {large:,} documents", more.deletion_seconds, "s", digits=1),
            Figure(f"export per document, of {large:,} beside {small:,}", per_document, "×", Target(1.0)),
            Figure(f"memory that {large:,} documents take more than {small:,}", growth, "MiB", digits=1),
        ],
        tables=[Table("Sizes", ("documents", *times, *memory), [_row(size, one) for size, one in found.items()])],
        conclusions=[
            f"With {large / small:.0f} times the documents the worker's memory grows by {growth:.0f} MiB, and an "
            f"export takes {per_document:.2f} of the time for each."
        ],
    )


async def _departed(around: Surroundings, size: int) -> _Departed:
    await around.rest("tokens")
    await _export(around, nobody := await around.sign_up())
    await _delete(nobody)
    before = _peak(around)
    leaving = await around.sign_up()
    await asyncio.to_thread(_fill, UserId(leaving.user), size)
    say(f"export and deletion of {size} documents")
    export_seconds, zip_bytes = await _export(around, leaving)
    exported = _peak(around)
    deletion_seconds = await _delete(leaving)
    return _Departed(export_seconds, deletion_seconds, before, exported, _peak(around), zip_bytes)


def _fill(user: UserId, size: int) -> None:
    """Give the person documents of which no two compress together."""
    events, now = person(user).collection("usage_events"), clock.now()
    for first in range(0, size, AT_ONCE):
        batch = client().batch()
        for number in range(first, min(first + AT_ONCE, size)):
            text = secrets.token_hex(TEXT_BYTES // 2)
            batch.create(events.document(f"event-{number:06d}"), {"schema_version": 1, "at": now, "text": text})
        batch.commit()


async def _export(around: Surroundings, somebody: Person) -> tuple[float, int]:
    """Seconds until the ZIP file is there, and its size."""
    began = time.perf_counter()
    export = (await around.call(somebody, "POST", "/users/me/exports"))["id"]
    ready = await _until(lambda: _ready(UserId(somebody.user), export))
    return time.perf_counter() - began, ready


def _ready(user: UserId, export_id: str) -> int | None:
    found = lifecycle.export(user, export_id)
    return found.bytes if found else None


async def _delete(somebody: Person) -> float:
    """Seconds until nothing is left."""
    began = time.perf_counter()
    receipt = await asyncio.to_thread(deletion.begin, UserId(somebody.user), "bench", "a measurement")
    await _until(lambda: _is_erased(receipt))
    return time.perf_counter() - began


def _is_erased(receipt: str) -> bool:
    found = lifecycle.erasure(receipt)
    return found is not None and found.erased_at is not None


async def _until(look: Callable[[], _T | None]) -> _T:
    """What is found, as soon as something is. Raises `SetUpFailed`."""
    patience = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < patience:
        found = await asyncio.to_thread(look)
        if found:
            return found
        await asyncio.sleep(BETWEEN_SECONDS)
    raise SetUpFailed(f"nothing found within {PATIENCE_SECONDS:.0f} s")


def _peak(around: Surroundings) -> int:
    instances = around.cloud.supervisor.services[WORKER].instances
    return sum(process_group.used(instance.child.pid).peak_bytes for instance in instances if instance.child.alive)


def _row(size: int, one: _Departed) -> list[str]:
    memory = (one.before, one.exported, one.deleted)
    times = (f"{one.export_seconds:.1f}", f"{one.zip_bytes / MEBIBYTE:.1f}", f"{one.deletion_seconds:.1f}")
    return [f"{size:,}", *times, *(f"{peak / MEBIBYTE:.0f}" for peak in memory)]
