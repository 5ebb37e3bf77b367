"""The command `python -m scripts.local`: run the local cloud until it is told to stop."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from scripts.local import STARTED, tour
from scripts.local.catalog import CATALOG_FILE, InvalidCatalog
from scripts.local.preflight import NOT_READY, NotReady
from scripts.local.runner import LocalCloud, Options

Tour = Callable[[LocalCloud], Awaitable[bool]]

FAILED = 1


async def run(options: Options, take_tour: Tour | None, *, once: bool) -> int:
    """Start, take the tour, and stay up unless it is for once. Returns the exit code."""
    async with LocalCloud(options) as cloud:
        print(f"Briefly is up at {cloud.origin} in {time.monotonic() - STARTED:.1f} s", flush=True)
        succeeded = await take_tour(cloud) if take_tour is not None else True
        if once:
            return 0 if succeeded else FAILED
        await asyncio.Event().wait()
    return 0


async def _until_stopped(options: Options, take_tour: Tour | None, *, once: bool) -> int:
    running = asyncio.create_task(run(options, take_tour, once=once))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return FAILED if once else 0


def main() -> int:
    """Parse the arguments and run. Exits with 2 when this machine lacks something."""
    parser = argparse.ArgumentParser(
        prog="scripts/run", description="Run Briefly on this machine, with no cloud account."
    )
    parser.add_argument(
        "--port", type=int, default=8787, help="the port of the origin (default 8787; 0 is any free one)"
    )
    parser.add_argument("--once", action="store_true", help="exit after the tour, with 1 if a step failed")
    parser.add_argument("--state", type=Path, help="the folder of this copy's state (default .local/PORT)")
    parser.add_argument("--catalog", type=Path, default=CATALOG_FILE, help="another catalogue, beside its functions")
    given = parser.parse_args()
    options = Options(port=given.port, folder=given.state, catalog=given.catalog)
    # The tour calls Briefly's own functions; another catalogue has others.
    take_tour = tour.take if given.catalog.resolve() == CATALOG_FILE.resolve() else None
    try:
        return asyncio.run(_until_stopped(options, take_tour, once=given.once))
    except (NotReady, InvalidCatalog) as error:
        print(error, file=sys.stderr)
        return NOT_READY


if __name__ == "__main__":
    sys.exit(main())
