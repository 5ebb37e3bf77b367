"""A front door over tiny real functions, and clients of it, for tests."""

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from scripts.local import catalog
from scripts.local.admission import Admission
from scripts.local.children import Children
from scripts.local.control import Control
from scripts.local.front_door import FrontDoor
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.instance_log import InstanceLog
from scripts.local.mishaps import Mishaps
from scripts.local.origin import serve_origin
from scripts.local.preflight import bind
from scripts.local.process import Site, Supervisor
from scripts.local.stalls import Stalls
from tests.local.conftest import LoopThread

FUNCTIONS = Path(__file__).parent / "functions"
PENDING_SECONDS = 0.3


def service_account(name: str) -> str:
    return f"{name}@briefly-local.iam.gserviceaccount.com"


@dataclass
class Rig:
    """The running front door, who signs for it, and what its functions wrote."""

    loop: LoopThread
    endpoint: HttpEndpoint
    tokens: IdentityTokens
    supervisor: Supervisor
    mishaps: Mishaps
    logs: Path
    lines: list[dict[str, Any]]
    _stack: AsyncExitStack

    @classmethod
    async def open(cls, loop: LoopThread, logs: Path) -> "Rig":
        rows = catalog.load(FUNCTIONS / "catalog.yaml")
        tokens, lines = IdentityTokens(), list[dict[str, Any]]()
        listener = bind(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def prepare(_: str) -> None:
            return None

        def log(function: str, instance: str, path: Path) -> InstanceLog:
            return InstanceLog(function, instance, path, lambda *line: lines.append(line[2]))

        def environment(_: str, port: int) -> dict[str, str]:
            return {
                "PATH": os.environ["PATH"],
                "PORT": str(port),
                "HOME": str(logs),
                "PYTHONPATH": str(catalog.REPOSITORY),
            }

        async with AsyncExitStack() as stack:
            children = await stack.enter_async_context(Children())
            site = Site(FUNCTIONS, logs, prepare, environment, log)
            supervisor = Supervisor.of(rows, site, children, PENDING_SECONDS)
            stack.push_async_callback(supervisor.close, 2)
            admission = Admission(tokens.jwks(), service_account, lambda name: f"{url}/{name}")
            door = await stack.enter_async_context(FrontDoor(rows, supervisor, admission))
            endpoint = await serve_origin(door.routes(), listener)
            stack.push_async_callback(endpoint.close)
            return cls(loop, endpoint, tokens, supervisor, door.mishaps, logs, lines, stack.pop_all())
        raise AssertionError("unreachable")

    def close(self) -> None:
        self.loop.run(self._stack.aclose())

    @contextmanager
    def control(self, **processes: int) -> Iterator[str]:
        """The address of the control API, for as long as the block."""
        control = Control(self.supervisor, self.logs, self.mishaps, Stalls(processes))
        served = self.loop.run(serve_application(control.application()))
        try:
            yield f"{served.url}/_control"
        finally:
            self.loop.run(served.close())

    def url(self, path: str) -> str:
        return self.endpoint.url + path

    def token(self, caller: str, function: str, lifetime: timedelta = timedelta(hours=1)) -> str:
        return self.tokens.mint(service_account(caller), self.url(f"/{function}"), lifetime)

    def call(self, method: str, path: str, *, caller: str = "gateway", **options: Any) -> requests.Response:
        function = path.split("/")[1].partition("?")[0]
        headers = {"Authorization": f"Bearer {self.token(caller, function)}"} | options.pop("headers", {})
        return requests.request(method, self.url(path), headers=headers, timeout=20, **options)
