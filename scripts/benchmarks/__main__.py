"""The command `python -m scripts.benchmarks [PART…] [--quick]`: measure, say what came out, and write BENCHMARKS.md.

Only a run of all parts, and no quick one, writes the file: after each part, so that a run that is broken off keeps what
it has measured.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from scripts.benchmarks import (
    cold_start,
    departure,
    firestore_writes,
    first_token,
    hand_out,
    http_layer,
    machine,
    operations,
    relay,
    report,
    rotation,
)
from scripts.benchmarks.figures import Part
from scripts.benchmarks.first_requests import Cast, cast
from scripts.benchmarks.progress import say
from scripts.benchmarks.surroundings import Surroundings, surroundings
from scripts.local.catalog import REPOSITORY
from scripts.local.preflight import NOT_READY, NotReady

FILE = REPOSITORY / "BENCHMARKS.md"

Measure = Callable[[Surroundings, Cast, bool], Awaitable[Part]]


async def _cold(around: Surroundings, people: Cast, quick: bool) -> Part:
    rows = around.cloud.supervisor.services
    functions = [name for name, service in rows.items() if service.row.trigger == "http"]
    chosen = ["users", "stream", "webhooks"] if quick else functions
    return await cold_start.measure(around, people, chosen, cold_start.QUICK_ROUNDS if quick else cold_start.ROUNDS)


async def _layer(around: Surroundings, people: Cast, quick: bool) -> Part:
    return await http_layer.measure(around, people, http_layer.QUICK_REQUESTS if quick else http_layer.REQUESTS)


async def _relay(around: Surroundings, people: Cast, quick: bool) -> Part:
    return await relay.measure(around, people, relay.QUICK if quick else relay.THOROUGH)


async def _first_token(around: Surroundings, people: Cast, quick: bool) -> Part:
    return await first_token.measure(around, people, first_token.QUICK_ANSWERS if quick else first_token.ANSWERS)


async def _writes(around: Surroundings, people: Cast, quick: bool) -> Part:
    if quick:
        return await firestore_writes.measure(around, people, seconds=1, answers=1)
    return await firestore_writes.measure(around, people)


async def _operations(around: Surroundings, people: Cast, quick: bool) -> Part:
    if quick:
        return await operations.measure(around, people, operations.QUICK_ROUNDS, seconds=1)
    return await operations.measure(around, people)


async def _vault(around: Surroundings, people: Cast, quick: bool) -> Part:
    return await hand_out.measure(around, people, quick=quick)


async def _rotation(around: Surroundings, people: Cast, quick: bool) -> Part:
    return await rotation.measure(around, quick=quick)


async def _departure(around: Surroundings, people: Cast, quick: bool) -> Part:
    return await departure.measure(around, quick=quick)


PARTS: Mapping[str, Measure] = {
    "http-layer": _layer,
    "first-token": _first_token,
    "writes": _writes,
    "operations": _operations,
    "vault": _vault,
    "rotation": _rotation,
    "departure": _departure,
    "relay": _relay,
    "cold-start": _cold,
}


async def measure(names: Sequence[str], quick: bool, keep: Callable[[list[Part]], None]) -> None:
    """Measure the named parts in one local cloud, and hand on what there is after each. Raises `NotReady`."""
    parts: list[Part] = []
    say("the local cloud starts")
    async with surroundings() as around:
        people = await cast(around)
        await around.rest("on-user")
        for name in names:
            parts.append(await PARTS[name](around, people, quick))
            keep(parts)


def main() -> int:
    """Parse the arguments and measure. Exits with 2 when this machine lacks something."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure; all parts write BENCHMARKS.md.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="see that all works; the figures mean nothing")
    given = parser.parse_args()
    of_machine = list(machine.described())
    writes = not given.parts and not given.quick
    text = ""

    def keep(parts: list[Part]) -> None:
        nonlocal text
        text = report.written(of_machine, parts)
        if writes:
            FILE.write_text(text, encoding="utf-8")

    try:
        asyncio.run(measure(given.parts or list(PARTS), given.quick, keep))
    except NotReady as error:
        print(error, file=sys.stderr)
        return NOT_READY
    print(text)
    say(f"done{f', and written to {FILE.name}' if writes else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
