"""What tests may see and change while the models run.

GET, POST, DELETE /_control/faults     see `faults.Fault`; POST takes one fault or a list of them
GET, DELETE       /_control/requests   what was received, bodies included, and how each request ended
GET, PUT, DELETE  /_control/settings   see `settings.Behaviour`; PUT takes some of its fields, DELETE restores them
"""

import orjson
from aiohttp import web
from pydantic import ValidationError

from scripts.local.models.faults import Fault, Faults
from scripts.local.models.request_log import RequestLog
from scripts.local.models.settings import Behaviour


class Control:
    """The behaviour, the faults and the log of one set of models, and the routes to them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._initial = behaviour
        self.behaviour = behaviour.model_copy()
        self.faults = Faults()
        self.log = RequestLog()

    def routes(self) -> list[web.RouteDef]:
        """All routes under /_control."""
        return [
            web.get("/_control/faults", self._show_faults),
            web.post("/_control/faults", self._arm_faults),
            web.delete("/_control/faults", self._clear_faults),
            web.get("/_control/requests", self._show_requests),
            web.delete("/_control/requests", self._clear_requests),
            web.get("/_control/settings", self._show_settings),
            web.put("/_control/settings", self._change_settings),
            web.delete("/_control/settings", self._restore_settings),
        ]

    async def _show_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": self.faults.listed()})

    async def _arm_faults(self, request: web.Request) -> web.Response:
        try:
            given = orjson.loads(await request.read())
            faults = [Fault.model_validate(one) for one in (given if isinstance(given, list) else [given])]
        except (orjson.JSONDecodeError, ValidationError) as error:
            return web.json_response({"error": str(error)}, status=400)
        for fault in faults:
            self.faults.arm(fault)
        return web.json_response({"faults": self.faults.listed()}, status=201)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def _show_requests(self, request: web.Request) -> web.Response:
        return web.json_response({"requests": self.log.listed()})

    async def _clear_requests(self, request: web.Request) -> web.Response:
        self.log.clear()
        return web.Response(status=204)

    async def _show_settings(self, request: web.Request) -> web.Response:
        return web.json_response(self.behaviour.model_dump())

    async def _change_settings(self, request: web.Request) -> web.Response:
        try:
            changes = orjson.loads(await request.read())
            self.behaviour = Behaviour.model_validate({**self.behaviour.model_dump(), **changes})
        except (orjson.JSONDecodeError, TypeError, ValidationError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.behaviour.model_dump())

    async def _restore_settings(self, request: web.Request) -> web.Response:
        self.behaviour = self._initial.model_copy()
        return web.Response(status=204)
