"""A local cloud on a thread of its own, for tests and other programs that are not asynchronous."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts.local.runner import LocalCloud, Options


class BackgroundCloud:
    """A running copy and the loop that it runs on."""

    def __init__(self, cloud: LocalCloud, loop: asyncio.AbstractEventLoop) -> None:
        self.cloud = cloud
        self.state = cloud.state
        self.origin = cloud.origin
        self._loop = loop

    def run(self, work: Any, seconds: float = 60.0) -> Any:
        """Run a coroutine on the cloud's loop and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)


@contextmanager
def running(options: Options) -> Iterator[BackgroundCloud]:
    """A copy that runs for as long as the block. Raises `NotReady`, `InvalidCatalog`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="local cloud", daemon=True)
    thread.start()
    cloud = LocalCloud(options)

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    try:
        on_loop(cloud.__aenter__())
        try:
            yield BackgroundCloud(cloud, loop)
        finally:
            on_loop(cloud.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
