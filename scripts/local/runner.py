"""The local cloud as a whole: starts everything in the right order, and leaves nothing behind."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from lib.core.clock import OFFSET_FILE_VARIABLE
from scripts.local import answering_models, catalog, certificates, credentials, emulators, preflight, state
from scripts.local.admission import Admission
from scripts.local.catalog import CATALOG_FILE, REPOSITORY, Catalog
from scripts.local.certificates import Certificates
from scripts.local.children import Child, Children
from scripts.local.control import Control
from scripts.local.credentials import CLERK_WEBHOOK_SECRET, GOOGLE_CLIENT_SECRET, MICROSOFT_CLIENT_SECRET, Credentials
from scripts.local.documentation import Documentation
from scripts.local.endpoints import Endpoints, WorldEndpoints
from scripts.local.environment import FunctionEnvironment, Keys
from scripts.local.front_door import FrontDoor
from scripts.local.gateway import Gateway
from scripts.local.gateway_sessions import BrowserSessions
from scripts.local.http_endpoint import serve_application
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.instance_log import InstanceLog
from scripts.local.log_sink import LogSink
from scripts.local.origin import serve_origin
from scripts.local.people.cast import known_cast
from scripts.local.preflight import NotReady, Tools
from scripts.local.process import PENDING_SECONDS, Site, Supervisor
from scripts.local.project import service_account
from scripts.local.pubsub import PubSub
from scripts.local.push import Backoff, PushRelay
from scripts.local.secret_volumes import SecretVolumes
from scripts.local.signing import GatewayKey, GatewaySigner
from scripts.local.stalls import Stalls
from scripts.local.state import State
from scripts.local.storage import program as fake_gcs_server
from scripts.local.world import WorldConfig

WORLD_SECONDS = 60.0
POLL_SECONDS = 0.02
# Shorter than Cloud Run's ten: what a function would save, its database forgets in the same moment.
CLOSING_SECONDS = 2.0
OURS = (
    *("logs", "secrets", "home", "clock-offset", "world.json", "endpoints.json", "identity.pem"),
    *(certificates.BUNDLE_FILE, certificates.SERVER_FILE, state.STATE_FILE),
)


@dataclass(frozen=True)
class Options:
    """How to run a copy. Port 0 takes a free one; the state's folder is `.local/PORT` unless told.

    Functions are found beside the catalogue. `settings` go into every function's environment. Schedules may be left to
    those who tell single jobs to run.
    """

    port: int = 8787
    folder: Path | None = None
    catalog: Path = CATALOG_FILE
    settings: Mapping[str, str] = field(default_factory=dict)
    push_backoff: Backoff = field(default_factory=Backoff)
    pending_seconds: float = PENDING_SECONDS
    schedules_run: bool = True


class LocalCloud:
    """A running copy: `async with LocalCloud(options) as cloud`. Raises `NotReady`, `InvalidCatalog` on entering.

    `state` is what other programs are told of it: endpoints, control APIs, keys, people.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._stack = AsyncExitStack()
        self.state: State
        self.supervisor: Supervisor
        self.session: aiohttp.ClientSession
        self._models: dict[str, str] = {}

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`, with the functions by name and the gateway under `/api`."""
        return self.state.origin

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self._start()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def create_person(self, which: str) -> dict[str, Any]:
        """Sign `demo` or `second` up at Clerk, whose webhook then tells `webhooks`. Returns Clerk's user object."""
        cast = known_cast("demo" if which == "demo" else "second")
        user = {"id": cast.user_id, "first_name": cast.given_name, "last_name": cast.family_name, "email": cast.email}
        url = f"{self.state.endpoints.clerk}/_control/users"
        async with self.session.post(url, json=user) as answer:
            answer.raise_for_status()
            created: dict[str, Any] = await answer.json()
            return created

    async def _start(self) -> None:
        rows = catalog.load(self._options.catalog)
        listener = preflight.bind(self._options.port)
        self._stack.callback(listener.close)
        tools = preflight.find_tools()
        port = listener.getsockname()[1]
        folder = _fresh(self._options.folder or state.STATES / str(port))
        certified = certificates.make(folder)
        self._share(OFFSET_FILE_VARIABLE, folder / "clock-offset")
        for variable in certificates.BUNDLE_VARIABLES:
            self._share(variable, certified.bundle)
        children = await self._stack.enter_async_context(Children())
        self.session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        )
        self._models = await answering_models.settings(os.environ, self.session)
        ground = Ground(self._options, rows, folder, f"http://127.0.0.1:{port}", children, tools, certified)
        endpoints, processes = await ground.start()
        await self._open(ground, endpoints, processes, listener)

    def _share(self, variable: str, file: Path) -> None:
        """Let this process, and all that it starts, find a file of this copy: its clock, or whom it trusts."""
        before = os.environ.get(variable)
        os.environ[variable] = str(file)

        def restore() -> None:
            if before is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = before

        self._stack.callback(restore)

    async def _open(
        self, ground: "Ground", endpoints: Endpoints, processes: dict[str, int], listener: socket.socket
    ) -> None:
        """Everything in this process: sinks, relay, functions, the origin; and the state file at last."""
        rows, folder, key = ground.rows, ground.folder, GatewayKey.generate()
        pubsub = PubSub(endpoints.pubsub, self.session)
        relay = PushRelay(rows, pubsub, ground.identity, endpoints.function, self.session, self._options.push_backoff)
        relayed = await serve_application(relay.application())
        self._stack.push_async_callback(relayed.close)
        self._stack.push_async_callback(relay.close)
        await pubsub.create_all(rows, f"{relayed.url}/push")
        sink = await self._stack.enter_async_context(LogSink(rows, pubsub))
        keys = Keys(key.jwks(), await self._clerk_keys(endpoints))
        site = self._site(ground, endpoints, keys, sink)
        self.supervisor = Supervisor.of(rows, site, ground.children, self._options.pending_seconds)
        self._stack.push_async_callback(self.supervisor.close, CLOSING_SECONDS)
        admission = Admission(ground.identity.jwks(), service_account, endpoints.function)
        door = await self._stack.enter_async_context(FrontDoor(rows, self.supervisor, admission))
        people = {which: known_cast(which).user_id for which in ("demo", "second")}
        sessions = BrowserSessions(endpoints.clerk, ground.credentials.clerk_secret_key, self.session)
        signer = GatewaySigner(key, ground.identity, endpoints.origin)
        gateway = Gateway(rows, sessions, signer, people, endpoints.origin, self.session)
        documentation = Documentation()
        self._stack.push_async_callback(documentation.close)
        origin = await serve_origin([*gateway.routes(), *documentation.routes(), *door.routes()], listener)
        self._stack.push_async_callback(origin.close)
        stalls = Stalls(processes)
        self._stack.push_async_callback(stalls.close)
        controls = Control(self.supervisor, folder / "logs", door.mishaps, stalls)
        control = await serve_application(controls.application())
        self._stack.push_async_callback(control.close)
        self.state = State(
            pid=os.getpid(),
            processes=processes,
            endpoints=endpoints,
            control=control.url,
            push_control=relayed.url,
            people=people,
            gateway_key=key.private_jwk(),
            identity_key=folder / "identity.pem",
            clerk_secret_key=ground.credentials.clerk_secret_key,
            clock_offset_file=folder / "clock-offset",
            certificates=ground.certificates.bundle,
            folder=folder,
        )
        state.write(self.state)
        self._stack.callback((folder / state.STATE_FILE).unlink, missing_ok=True)

    def _site(self, ground: "Ground", endpoints: Endpoints, keys: Keys, sink: LogSink) -> Site:
        volumes = SecretVolumes(endpoints.secrets)
        self._stack.push_async_callback(volumes.close)
        environment = FunctionEnvironment(
            ground.rows,
            endpoints,
            keys,
            ground.folder,
            ground.certificates.bundle,
            ground.credentials.google_client_id,
            ground.credentials.microsoft_client_id,
            self._models,
            self._options.settings,
        )

        async def mount_secrets(name: str) -> None:
            row = ground.rows.functions[name]
            if row.secrets:
                await volumes.mount(row.secrets, environment.secrets_folder(name))

        def log(function: str, instance: str, path: Path) -> InstanceLog:
            return InstanceLog(function, instance, path, sink.observe)

        functions = self._options.catalog.resolve().parent
        return Site(functions, ground.folder / "logs", mount_secrets, environment.of, log)

    async def _clerk_keys(self, endpoints: Endpoints) -> dict[str, Any]:
        async with self.session.get(f"{endpoints.clerk}/.well-known/jwks.json") as answer:
            keys: dict[str, Any] = await answer.json()
            return keys


class Ground:
    """What has to stand before a function can: Google's two emulators, fake-gcs-server and the world, side by side."""

    def __init__(
        self,
        options: Options,
        rows: Catalog,
        folder: Path,
        origin: str,
        children: Children,
        tools: Tools,
        certified: Certificates,
    ) -> None:
        self.rows = rows
        self.folder = folder
        self.children = children
        self.certificates = certified
        self.credentials: Credentials = credentials.make(rows.secrets)
        self.identity = IdentityTokens.from_file(folder / "identity.pem")
        self._options = options
        self._origin = origin
        self._tools = tools
        self._logs = folder / "logs"

    async def start(self) -> tuple[Endpoints, dict[str, int]]:
        """Where everything is, and the process ids of what was started. Raises `NotReady`."""
        port, bytes_port = preflight.free_port(), preflight.free_port()
        program = fake_gcs_server.find_program()
        try:
            async with asyncio.TaskGroup() as group:
                starting = group.create_task(emulators.start_firestore(self._tools, self.children, self._logs))
                listening = group.create_task(emulators.start_pubsub(self._tools, self.children, self._logs, port))
                storing = group.create_task(
                    fake_gcs_server.start(program, self.children, self._logs / "storage.log", bytes_port)
                )
                serving = group.create_task(self._start_world(f"127.0.0.1:{port}", f"http://127.0.0.1:{bytes_port}"))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        firestore, pubsub = starting.result(), listening.result()
        world, child = serving.result()
        endpoints = Endpoints(**world.model_dump(), origin=self._origin, firestore=firestore.url, pubsub=pubsub.url)
        started = {"firestore": firestore.child, "pubsub": pubsub.child, "storage": storing.result(), "world": child}
        return endpoints, {name: one.pid for name, one in started.items()}

    async def _start_world(self, pubsub: str, storage: str) -> tuple[WorldEndpoints, Child]:
        file = self.folder / "world.json"
        config = self._world_config(pubsub, storage)
        _write_secretly(file, config.model_dump_json())
        log = self._logs / "world.log"
        command = [sys.executable, "-m", "scripts.local.world", str(file)]
        child = await self.children.start("world", command, folder=REPOSITORY, log=log)
        patience = asyncio.get_running_loop().time() + WORLD_SECONDS
        while not config.endpoints_file.exists():
            if not child.alive or asyncio.get_running_loop().time() > patience:
                raise NotReady(f"The world's process does not start: see {log}")
            await asyncio.sleep(POLL_SECONDS)
        return WorldEndpoints.model_validate_json(config.endpoints_file.read_bytes()), child

    def _world_config(self, pubsub: str, storage: str) -> WorldConfig:
        values = self.credentials.secrets
        return WorldConfig(
            origin=self._origin,
            catalog=self._options.catalog.resolve(),
            pubsub=pubsub,
            storage=storage,
            identity_key=self.folder / "identity.pem",
            secrets={name: values[name] for name in self.rows.secrets},
            google_client_id=self.credentials.google_client_id,
            google_client_secret=values[GOOGLE_CLIENT_SECRET],
            microsoft_client_id=self.credentials.microsoft_client_id,
            microsoft_client_secret=values[MICROSOFT_CLIENT_SECRET],
            clerk_webhook_secret=values[CLERK_WEBHOOK_SECRET],
            clerk_secret_key=self.credentials.clerk_secret_key,
            openai_key=values[credentials.OPENAI_KEY],
            anthropic_key=values[credentials.ANTHROPIC_KEY],
            server_certificate=self.certificates.server,
            endpoints_file=self.folder / "endpoints.json",
            schedules_run=self._options.schedules_run,
        )


def _fresh(folder: Path) -> Path:
    """The folder without what an earlier copy left in it; other files in it are not ours to remove."""
    folder = folder.resolve()
    for name in OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in ("logs", "home"):
        (folder / name).mkdir(parents=True)
    return folder


def _write_secretly(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
