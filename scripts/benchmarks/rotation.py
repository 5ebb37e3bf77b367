"""What it takes to give people's keysets new keys, and to change the version of the key that wraps them."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.benchmarks.figures import Figure, Part, Table
from scripts.benchmarks.firestore_proxy import FirestoreProxy, firestore_proxy
from scripts.benchmarks.progress import say
from scripts.benchmarks.surroundings import SetUpFailed, Surroundings
from scripts.local.catalog import REPOSITORY

TOKENS, QUICK_TOKENS = 10_000, 200
ACCOUNTS_EACH = 2
MEBIBYTE = 1024.0
SEAL, ROTATE, REWRAP = "sealing them", "rotating the keysets", "changing the key that wraps them"

_METHOD = """\
A process with the environment of `tokens` seals tokens of {people} people with {each} accounts each, in a project of
their own; then all keysets are due, and it does what the vault's tasks do, one page after another, until none is due
any more: a new primary key, every token sealed anew, the older key removed, and two entries in the audit log. Then the
vault's key gets a new version, and every keyset is wrapped by it. Firestore and Cloud KMS are the local ones, behind a
proxy that counts calls, and do their work on the same cores: the counts and the memory are what would be the same
elsewhere, the times are not. The memory is the process's largest after {some} keysets and at the end."""


@dataclass(frozen=True)
class _Step:
    """What one step took: seconds, mebibytes at its first page and at its end, and calls by service and method."""

    seconds: float
    first_memory: float
    memory: float
    firestore: Mapping[str, int]
    kms: Mapping[str, int]


async def measure(around: Surroundings, *, quick: bool = False) -> Part:
    """Seal, rotate, and wrap anew."""
    tokens = QUICK_TOKENS if quick else TOKENS
    people = tokens // ACCOUNTS_EACH
    endpoints = around.cloud.state.endpoints
    steps: dict[str, _Step] = {}
    async with (
        firestore_proxy(endpoints.firestore.removeprefix("http://")) as firestore,
        firestore_proxy(endpoints.kms.removeprefix("http://")) as kms,
    ):
        environment = dict(around.cloud.supervisor.services["tokens"].site.environment("tokens", 0)) | {
            "GOOGLE_CLOUD_PROJECT": "briefly-rotation",
            "FIRESTORE_EMULATOR_HOST": firestore.host,
            "KMS_ENDPOINT": f"http://{kms.host}",
        }
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scripts.benchmarks.rotating",
            str(people),
            str(ACCOUNTS_EACH),
            cwd=REPOSITORY,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for name in (SEAL, ROTATE, REWRAP):
            say(f"rotation, {tokens} tokens: {name}")
            steps[name] = await _step(worker, firestore, kms)
        await worker.wait()
    return _part(tokens, people, steps)


async def _step(worker: asyncio.subprocess.Process, firestore: FirestoreProxy, kms: FirestoreProxy) -> _Step:
    """Have the worker take its next step."""
    if worker.stdin is None or worker.stdout is None:
        raise SetUpFailed("the process that rotates has no pipes")
    firestore.clear()
    kms.clear()
    worker.stdin.write(b"next\n")
    told = await worker.stdout.readline()
    if not told:
        raise SetUpFailed("the process that rotates ended")
    took = json.loads(told)
    return _Step(took["seconds"], took["first_memory"], took["memory"], dict(firestore.calls), dict(kms.calls))


def _part(tokens: int, people: int, steps: Mapping[str, _Step]) -> Part:
    rotated, rewrapped = steps[ROTATE], steps[REWRAP]
    calls = sum(rotated.kms.values()) / people
    return Part(
        title="Rotation",
        question=f"What does it take to rotate the keys of {tokens:,} tokens?",
        method=_METHOD.format(people=f"{people:,}", each=ACCOUNTS_EACH, some=100),
        figures=[
            Figure(f"rotation of {tokens:,} tokens", rotated.seconds, "s", digits=0),
            Figure("calls of KMS for each keyset that is rotated", calls, "", digits=1),
            Figure("calls of Firestore for each token that is rotated", sum(rotated.firestore.values()) / tokens, ""),
            Figure("growth of memory from the first page to the last", rotated.memory - rotated.first_memory, "MiB"),
            Figure(f"new version of the vault's key for {people:,} keysets", rewrapped.seconds, "s", digits=0),
        ],
        tables=[
            Table("Steps", ("step", "s", "MiB after the first page", "MiB at the end"), _times(steps)),
            Table("Calls", ("step", "Firestore", "Cloud KMS"), _calls(steps)),
        ],
        conclusions=[
            f"{tokens:,} tokens are sealed with new keys in {rotated.seconds:.0f} s, {tokens / rotated.seconds:.0f} a "
            f"second; a rotation takes {calls:.1f} calls of KMS, of which a hand-out takes none while the keyset is in "
            "memory."
        ],
    )


def _times(steps: Mapping[str, _Step]) -> list[list[str]]:
    return [
        [name, f"{step.seconds:.1f}", f"{step.first_memory:.0f}", f"{step.memory:.0f}"] for name, step in steps.items()
    ]


def _calls(steps: Mapping[str, _Step]) -> list[list[str]]:
    return [[name, _listed(step.firestore), _listed(step.kms)] for name, step in steps.items()]


def _listed(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {method}" for method, count in sorted(calls.items()))
