"""The runner's control API, on a port of its own, for tests and the tour.

GET  /_control/functions               every function: how many instances are wanted, and those that run
PUT  /_control/functions/NAME          {"instances": 2}: have so many, and wait for them; 0 stops all until a request
POST /_control/functions/NAME/kill     {"instance"?: id, "signal"?: "KILL"}: one or all; KILL takes the whole group
GET  /_control/functions/NAME/log      ?lines=100: the last lines that its instances wrote, as a list
POST /_control/warm                    {"functions": […]}: start these side by side
GET  /_control/clock                   {"offset": seconds}
POST /_control/clock                   {"seconds": 3600}: move the clock of everything
     /_control/mishaps                 what befalls requests on their way to instances: see `mishaps`
     /_control/stalls                  emulators that stand still for a while: see `stalls`
"""

import json
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scripts.local import clock
from scripts.local.mishaps import Mishaps
from scripts.local.process import InstanceFailed, Service, Supervisor
from scripts.local.stalls import Stalls


class Form(BaseModel):
    """What a request may hold."""

    model_config = ConfigDict(extra="forbid")


class Scale(Form):
    """How many instances there shall be."""

    instances: int = Field(ge=0, le=10)


class Kill(Form):
    """Which instance gets which signal; none means all."""

    instance: str | None = None
    signal: str = "KILL"


class Warm(Form):
    """What to start."""

    functions: list[str]


class Move(Form):
    """How far to move the clock."""

    seconds: float


@dataclass(eq=False)
class Control:
    """The control API over one supervisor. `logs` is the folder of the functions' logs."""

    supervisor: Supervisor
    logs: Path
    mishaps: Mishaps
    stalls: Stalls

    def application(self) -> web.Application:
        """The HTTP face."""
        application = web.Application(middlewares=[_answer_errors])
        application.add_routes(
            [
                web.get("/_control/functions", self._list),
                web.put("/_control/functions/{name}", self._scale),
                web.post("/_control/functions/{name}/kill", self._kill),
                web.get("/_control/functions/{name}/log", self._log),
                web.post("/_control/warm", self._warm),
                web.get("/_control/clock", _show_clock),
                web.post("/_control/clock", _move_clock),
                *self.mishaps.routes(),
                *self.stalls.routes(),
            ]
        )
        return application

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({name: _shown(service) for name, service in self.supervisor.services.items()})

    async def _scale(self, request: web.Request) -> web.Response:
        service = self._service(request)
        await service.scale(Scale.model_validate_json(await request.read()).instances)
        return web.json_response(_shown(service))

    async def _kill(self, request: web.Request) -> web.Response:
        wish = Kill.model_validate_json(await request.read() or b"{}")
        number = signal.Signals[f"SIG{wish.signal}"]
        return web.json_response({"killed": await self._service(request).kill(wish.instance, number)})

    async def _log(self, request: web.Request) -> web.Response:
        path = self.logs / f"{self._service(request).name}.log"
        last: deque[str] = deque(maxlen=int(request.query.get("lines", "100")))
        if path.exists():
            with path.open(encoding="utf-8") as file:
                last.extend(islice(file, None))
        return web.json_response([json.loads(line) for line in last])

    async def _warm(self, request: web.Request) -> web.Response:
        await self.supervisor.warm(Warm.model_validate_json(await request.read()).functions)
        return web.Response(status=204)

    def _service(self, request: web.Request) -> Service:
        return self.supervisor.services[request.match_info["name"]]


def _shown(service: Service) -> dict[str, Any]:
    running = [
        {"id": one.id, "pid": one.child.pid, "port": one.port, "in_flight": one.in_flight}
        for one in service.instances
        if one.serving
    ]
    return {"wanted": service.wanted, "instances": running}


async def _show_clock(_: web.Request) -> web.Response:
    return web.json_response({"offset": clock.offset().total_seconds()})


async def _move_clock(request: web.Request) -> web.Response:
    clock.move(timedelta(seconds=Move.model_validate_json(await request.read()).seconds))
    return await _show_clock(request)


@web.middleware
async def _answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except KeyError as error:
        return web.json_response({"error": f"no such thing: {error.args[0]}"}, status=404)
    except (ValidationError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=400)
    except InstanceFailed as error:
        return web.json_response({"error": str(error)}, status=503)
