"""Cold starts: from the start of a process to its first authenticated success, against bare functions."""

import compileall
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from scripts.benchmarks import imported, peers
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.first_requests import Cast, first_request
from scripts.benchmarks.instances import Program, running
from scripts.benchmarks.progress import say
from scripts.benchmarks.samples import interleaved, ratio
from scripts.benchmarks.surroundings import Surroundings
from scripts.local.catalog import REPOSITORY
from scripts.local.project import PROJECT

ROUNDS = 15
QUICK_ROUNDS = 1
GOOGLE = "the same Google clients"
FIRESTORE = "Firestore only"
BOTH_SDKS = "both model SDKs"
MOST_OF_PEER = 1.5
MOST_OF_SDKS = 0.5
_UNITS = {"wall": "ms", "CPU": "ms", "memory": "MiB"}
_ALL_MET = "Every function keeps to its targets."

_METHOD = """\
Every HTTP function of the catalogue is started as the local cloud starts it (functions-framework under gunicorn, the
environment of Cloud Run, code compiled beforehand) and asked at once for the least that its callers ask, with the
gateway's identity, the service token and the person's session in the headers; `webhooks` gets a signed webhook and
publishes it. Time runs from the start of the process to the last byte of the first success. CPU is that of all
processes of the instance up to then, memory the sum of their greatest resident sets (shared pages are counted in each).
The rivals are started in the same way and get the same request, but look at nothing of it: a function that reads one
document from Firestore and imports the very modules of Google's client libraries that ours has imported by its first
answer (found with `-X importtime`), and one that imports Firestore's alone. For `stream` the rivals are ASGI functions,
and a third one also imports `openai` and `anthropic`. All take turns, {rounds} rounds, in an order that turns each
round; figures are medians, ratios are of medians."""


@dataclass
class _Rival:
    """What is started, and how it did."""

    program: Program
    samples: dict[str, list[float]] = field(default_factory=lambda: {what: [] for what in _UNITS})


async def measure(around: Surroundings, cast: Cast, functions: Sequence[str], rounds: int) -> Part:
    """Start everything in turns."""
    for package in ("lib", "functions"):
        compileall.compile_dir(REPOSITORY / package, quiet=1)
    rivals = await _rivals(around, cast, functions)
    await around.rest("on-user")
    for number, (name, rival) in enumerate(interleaved(list(rivals.items()), rounds)):
        if number % len(rivals) == 0:
            say(f"cold starts, round {number // len(rivals) + 1} of {rounds}: {len(rivals)} processes")
        await _start(around, cast, name, rival)
    return _part(rivals, functions, rounds)


async def _rivals(around: Surroundings, cast: Cast, functions: Sequence[str]) -> dict[str, _Rival]:
    """By name: the function's own, `function beside X` what it is compared with; same rivals are started once."""
    folder = around.cloud.state.folder / "peers"
    document = f"users/{cast.plain.user}"
    # A function without a database is not told of the emulator, but its rivals read from it.
    reading = {"FIRESTORE_EMULATOR_HOST": around.cloud.state.endpoints.firestore.removeprefix("http://")}
    rivals: dict[str, _Rival] = {}
    for function in functions:
        asgi = around.cloud.supervisor.services[function].row.asgi
        google = await _google_modules(around, cast, function)
        wanted: Mapping[str, Sequence[str]] = {
            f"{function} beside {GOOGLE}": google,
            f"{function} beside {FIRESTORE}": (),
            **({f"{function} beside {BOTH_SDKS}": peers.MODEL_SDKS} if asgi else {}),
        }
        rivals[function] = _Rival(Program(function))
        for name, imports in wanted.items():
            place = folder / name.replace(" ", "-")
            peers.write(place, imports=imports, asgi=asgi, project=PROJECT, document=document)
            rivals[name] = _Rival(Program(function, source=place, environment=reading))
    return rivals


async def _google_modules(around: Surroundings, cast: Cast, function: str) -> Sequence[str]:
    async with running(around, Program(function, python=("-X", "importtime"))) as instance:
        await instance.first_answer(await first_request(around, cast, function))
        return imported.google_clients(imported.modules(instance.log.read_text(encoding="utf-8")))


async def _start(around: Surroundings, cast: Cast, name: str, rival: _Rival) -> None:
    ask = await first_request(around, cast, name.split(" ")[0])
    async with running(around, rival.program) as instance:
        await instance.first_answer(ask)
        seconds, used = time.perf_counter() - instance.began, instance.used
        for what, value in zip(_UNITS, (seconds * 1000, used.cpu_seconds * 1000, used.peak_bytes / 2**20), strict=True):
            rival.samples[what].append(value)


def _part(rivals: Mapping[str, _Rival], functions: Sequence[str], rounds: int) -> Part:
    figures = [figure for function in functions for figure in _figures(rivals, function)]
    columns = ("function", "against", *(f"{what}, {unit}" for what, unit in _UNITS.items()), *_UNITS)
    return Part(
        title="Cold start",
        question="How long until a function that is not running has answered, beside the least that could?",
        method=_METHOD.format(rounds=rounds),
        figures=figures,
        tables=[Table("Medians, and ours as a multiple", columns, list(_rows(rivals, functions)))],
        conclusions=[*outcome(figures), _worst(rivals, functions)],
    )


def outcome(figures: Sequence[Figure]) -> list[str]:
    """How many of the figures that have a target keep to it, and which do not."""
    aimed = [figure for figure in figures if figure.target is not None]
    missed = [figure for figure in aimed if figure.is_missed]
    if not missed:
        return [_ALL_MET]
    return [
        f"{len(aimed) - len(missed)} of {len(aimed)} figures that have a target keep to it.",
        f"Missed: {', '.join(figure.name for figure in missed)}.",
    ]


def _figures(rivals: Mapping[str, _Rival], function: str) -> list[Figure]:
    targets = {GOOGLE: Target(MOST_OF_PEER), FIRESTORE: None, BOTH_SDKS: Target(MOST_OF_SDKS)}
    return [
        Figure(f"{function}, {what} beside {peer}", _multiple(rivals, function, peer, what), "×", target)
        for peer, target in targets.items()
        if f"{function} beside {peer}" in rivals
        for what in _UNITS
    ]


def _multiple(rivals: Mapping[str, _Rival], function: str, peer: str, what: str) -> float:
    return ratio(rivals[function].samples[what], rivals[f"{function} beside {peer}"].samples[what])


def _rows(rivals: Mapping[str, _Rival], functions: Sequence[str]) -> Iterator[list[str]]:
    for function in functions:
        yield [function, "", *_medians(rivals[function]), "", "", ""]
        for name, rival in rivals.items():
            peer = name.removeprefix(f"{function} beside ")
            if name.startswith(f"{function} beside "):
                yield [
                    "",
                    peer,
                    *_medians(rival),
                    *(f"{_multiple(rivals, function, peer, what):.2f}×" for what in _UNITS),
                ]


def _medians(rival: _Rival) -> list[str]:
    return [f"{median(rival.samples[what]):.0f}" for what in _UNITS]


def _worst(rivals: Mapping[str, _Rival], functions: Sequence[str]) -> str:
    multiples = {function: _multiple(rivals, function, FIRESTORE, "wall") for function in functions}
    worst = max(multiples, key=lambda function: multiples[function])
    return (
        f"Beside a function that does nothing but read a document, {worst} is the slowest to start, at "
        f"{multiples[worst]:.2f}×: that is the price of everything it has to import."
    )
