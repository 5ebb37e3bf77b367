"""The running copy with a second front door, behind which each function is served from its package."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from scripts.local import catalog
from scripts.local.admission import Admission
from scripts.local.background import BackgroundCloud
from scripts.local.call import Caller
from scripts.local.catalog import folder
from scripts.local.children import Children
from scripts.local.front_door import FrontDoor
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.origin import serve_origin
from scripts.local.preflight import bind
from scripts.local.process import Site, Supervisor
from scripts.local.project import service_account
from scripts.local.state import State
from scripts.packaging.package import Package
from tests.briefly import Briefly
from tests.packaging.contents import unpacked

PENDING_SECONDS = 30.0

Environment = Callable[[Path, Path], str]
"""Makes an interpreter in a folder that has what a requirements file lists."""


@contextmanager
def serving(
    copy: BackgroundCloud, packages: Mapping[str, Package], work: Path, environment: Environment
) -> Iterator[Briefly]:
    """Unpack each package into a folder of its own, and serve it there for as long as the block.

    The processes have the environment of those of the copy, but for what would lead them to the repository.
    """
    functions, pythons = work / "functions", {}
    for name, package in packages.items():
        place = unpacked(package, functions / folder(name))
        pythons[name] = environment(place / "requirements.txt", work / "environments" / name)
    stack = AsyncExitStack()
    state = copy.run(_open(copy, stack, functions, pythons))
    try:
        yield Briefly(state, Caller(state))
    finally:
        copy.run(stack.aclose())


async def _open(copy: BackgroundCloud, stack: AsyncExitStack, functions: Path, pythons: Mapping[str, str]) -> State:
    rows = catalog.load()
    own = next(iter(copy.cloud.supervisor.services.values())).site
    site = replace(own, functions=functions, environment=_without_repository(own), python=pythons.__getitem__)
    listener = bind(0)
    endpoints = copy.state.endpoints.model_copy(update={"origin": f"http://127.0.0.1:{listener.getsockname()[1]}"})
    children = await stack.enter_async_context(Children())
    supervisor = Supervisor.of(rows, site, children, PENDING_SECONDS)
    stack.push_async_callback(supervisor.close, 2)
    identity = IdentityTokens.from_file(copy.state.identity_key)
    door = FrontDoor(rows, supervisor, Admission(identity.jwks(), service_account, endpoints.function))
    await stack.enter_async_context(door)
    stack.push_async_callback((await serve_origin(door.routes(), listener)).close)
    return copy.state.model_copy(update={"endpoints": endpoints})


def _without_repository(site: Site) -> Callable[[str, int], Mapping[str, str]]:
    def environment(name: str, port: int) -> dict[str, str]:
        return {variable: value for variable, value in site.environment(name, port).items() if variable != "PYTHONPATH"}

    return environment
