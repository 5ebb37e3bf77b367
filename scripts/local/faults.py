"""Failures on command, for every emulated service of one local cloud.

Control API (HTTP, JSON), served by `serve`:

- `POST /_control/faults` with `{"service": "kms", "method": "Encrypt", "times": 1, "code": "UNAVAILABLE",
  "delay": 0.0, "after_commit": false}`: the next `times` calls wait `delay` seconds and, if `code` is given,
  fail with it. With `after_commit` the call takes effect first, then waits, and the caller is told of failure all the
  same (DEADLINE_EXCEEDED unless `code` says otherwise); `metadata`, where no call has an effect, does not take it.
- `GET /_control/faults`: what is still armed. `DELETE /_control/faults`: disarm everything.
- `GET /oauth2/v3/certs`: the keys that sign ID tokens, where Google publishes its own.

A service is named `kms`, `secrets`, `tasks`, `scheduler`, `metadata`, `iam` or `storage`; a method by its RPC, for
`metadata` by the last segment of its path (`identity`, `token`, `email`), for `iam` as `signBlob`, and for `storage` as
the JSON API names it (`objects.insert`), whichever API is called; `objects.upload` is a chunk of a resumable upload.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import grpc
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.identity_tokens import IdentityTokens

METADATA = "metadata"


class FaultRequest(BaseModel):
    """What to do to the next calls of one method; delay in seconds of real time."""

    model_config = ConfigDict(extra="forbid")

    service: str
    method: str
    times: int = Field(default=1, ge=1)
    code: str | None = None
    delay: float = Field(default=0.0, ge=0)
    after_commit: bool = False

    @model_validator(mode="after")
    def _has_an_effect_to_leave(self) -> Self:
        if self.after_commit and self.service == METADATA:
            raise ValueError("after_commit: calls of the metadata server have no effect to leave")
        return self


@dataclass
class Fault:
    """An armed failure and how many calls it has left."""

    service: str
    method: str
    times: int
    code: grpc.StatusCode | None
    delay: float
    after_commit: bool

    async def hold(self) -> None:
        """Wait out the delay: in real time, for it imitates a slow network and not a later hour."""
        if self.delay:
            await asyncio.sleep(self.delay)


@dataclass
class Faults:
    """The armed failures of every service; used on the event loop that serves them."""

    armed: list[Fault] = field(default_factory=list)

    def arm(
        self,
        service: str,
        method: str,
        *,
        times: int = 1,
        code: grpc.StatusCode | None = None,
        delay: float = 0.0,
        after_commit: bool = False,
    ) -> None:
        """Make the next `times` calls of a method slow, failing, or failing after they took effect."""
        if after_commit and code is None:
            code = grpc.StatusCode.DEADLINE_EXCEEDED
        self.armed.append(Fault(service, method, times, code, delay, after_commit))

    def clear(self) -> None:
        """Disarm everything."""
        self.armed.clear()

    def take(self, service: str, method: str) -> Fault | None:
        """Use up one call of the oldest fault that is armed for this method."""
        for fault in self.armed:
            if (fault.service, fault.method) == (service, method):
                fault.times -= 1
                if fault.times == 0:
                    self.armed.remove(fault)
                return fault
        return None


def _answer_invalid(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)


def _arm_route(faults: Faults) -> Callable[[web.Request], Any]:
    async def arm(request: web.Request) -> web.Response:
        try:
            wanted = FaultRequest.model_validate_json(await request.read())
            code = grpc.StatusCode[wanted.code] if wanted.code else None
        except (ValidationError, KeyError) as error:
            return _answer_invalid(str(error))
        faults.arm(
            wanted.service,
            wanted.method,
            times=wanted.times,
            code=code,
            delay=wanted.delay,
            after_commit=wanted.after_commit,
        )
        return web.Response(status=204)

    return arm


async def serve(faults: Faults, tokens: IdentityTokens, port: int = 0) -> HttpEndpoint:
    """Serve the control API of a local cloud on 127.0.0.1."""

    async def list_armed(_: web.Request) -> web.Response:
        armed = [{**asdict(fault), "code": fault.code.name if fault.code else None} for fault in faults.armed]
        return web.json_response({"faults": armed})

    async def clear(_: web.Request) -> web.Response:
        faults.clear()
        return web.Response(status=204)

    async def certificates(_: web.Request) -> web.Response:
        return web.json_response(tokens.jwks())

    application = web.Application()
    application.add_routes(
        [
            web.post("/_control/faults", _arm_route(faults)),
            web.get("/_control/faults", list_armed),
            web.delete("/_control/faults", clear),
            web.get("/oauth2/v3/certs", certificates),
        ]
    )
    return await serve_application(application, port)
