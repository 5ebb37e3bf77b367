"""What the control APIs of all providers have in common: how they read and refuse, faults, requests."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from scripts.local.provider.faults import Fault, Observer

Told = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]
Body = TypeVar("Body", bound=BaseModel)


class Strict(BaseModel):
    """A body in which nothing unknown may stand."""

    model_config = ConfigDict(extra="forbid")


class UserRequest(Strict):
    """An account."""

    user: str


class PagesRequest(Strict):
    """Whether lists give short and empty pages."""

    short: bool


class DeliveredMail(UserRequest):
    """A mail to deliver now; providers add where to."""

    sender: str
    sender_name: str = ""
    subject: str
    text: str
    html: str | None = None


class Unknown(Exception):
    """The request names something that does not exist."""


def reading(model: type[Body], act: Callable[[Body], Told]) -> Handler:
    """A handler that judges the body by a model: 400 when it is malformed, 404 for what is `Unknown`."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(act(model.model_validate_json(await request.read() or b"{}")))
        except ValidationError as error:
            return web.json_response({"error": str(error)}, status=400)
        except Unknown as error:
            return web.json_response({"error": f"unknown: {error}"}, status=404)

    return handle


def plain(act: Callable[[web.Request], Told]) -> Handler:
    """A handler of a request without a body."""

    async def handle(request: web.Request) -> web.Response:
        return web.json_response(act(request))

    return handle


def observer_routes(observer: Observer) -> list[web.RouteDef]:
    """The routes of faults and of requests under /_control."""
    control = _ObserverControl(observer)
    return [
        web.post("/_control/faults", reading(Fault, control.arm)),
        web.get("/_control/faults", plain(control.list_faults)),
        web.delete("/_control/faults", plain(control.disarm)),
        web.get("/_control/requests", plain(control.list_requests)),
        web.delete("/_control/requests", plain(control.forget_requests)),
    ]


class _ObserverControl:
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def arm(self, fault: Fault) -> Told:
        self._observer.armed.append(fault)
        return {}

    def list_faults(self, _: web.Request) -> Told:
        return {"faults": [fault.model_dump() for fault in self._observer.armed]}

    def disarm(self, _: web.Request) -> Told:
        self._observer.armed.clear()
        return {}

    def list_requests(self, request: web.Request) -> Told:
        records = [record.described() for record in self._observer.records]
        for name, value in request.query.items():
            records = [record for record in records if record.get(name) == value]
        return {"requests": records}

    def forget_requests(self, _: web.Request) -> Told:
        self._observer.records.clear()
        return {}
