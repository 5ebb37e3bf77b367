"""Functions behind a proxy that counts what they ask of Firestore."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from scripts.benchmarks.firestore_proxy import FirestoreProxy, firestore_proxy
from scripts.benchmarks.surroundings import Surroundings

QUIET_SECONDS = 3.0


@asynccontextmanager
async def counted(
    around: Surroundings, warm: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[FirestoreProxy]:
    """The proxy, through which all functions reach Firestore for as long as the block; those named are warm."""
    before = dict(around.settings)
    async with firestore_proxy(around.cloud.state.endpoints.firestore.removeprefix("http://")) as proxy:
        around.settings |= {"FIRESTORE_EMULATOR_HOST": proxy.host, **environment}
        await around.rest()
        await around.cloud.supervisor.warm(list(warm))
        try:
            yield proxy
        finally:
            await around.rest()
            around.settings.clear()
            around.settings.update(before)


async def quiet(proxy: FirestoreProxy) -> None:
    """Returns when nothing was written for a while: usage is counted by way of Pub/Sub."""
    seen = -1
    while seen != proxy.writes.total():
        seen = proxy.writes.total()
        await asyncio.sleep(QUIET_SECONDS)
