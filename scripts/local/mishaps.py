"""What can befall a request between the front door and an instance, on command, and the record of what did.

Networks lose requests and answers, repeat and delay them, and instances end at any moment
(https://cloud.google.com/run/docs/container-contract#lifecycle, https://cloud.google.com/run/docs/troubleshooting#503).
Pub/Sub and Cloud Tasks deliver at least once and in any order.

Control API, on the port of the runner's own (`scripts.local.control`):
    GET, POST, DELETE /_control/mishaps    what is armed, and what befell since the last DELETE; POST takes a `Mishap`
"""

import base64
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import jwt
from aiohttp import web
from multidict import CIMultiDictProxy
from pydantic import BaseModel, ConfigDict, Field

from lib.core.identity import PERSON_HEADER
from scripts.local import clock

KEPT = 20_000

Kind = Literal["refuse", "lose_answer", "delay", "twice", "cut", "kill_before", "kill", "kill_after"]


class Mishap(BaseModel):
    """What befalls the next `times` matching requests of a function, after `skip` of them have passed unharmed.

    refuse: it reaches no instance, 503; lose_answer: it takes effect and the connection ends; delay: it arrives
    `seconds` late; twice: a copy arrives as well, `seconds` later; cut: the connection ends once `seen` was in the
    answer, and the instance lives on; kill_before: the function's instances die first; kill: the instance dies
    `seconds` after it got the request, or once `seen` was in its answer; kill_after: when the answer is through.
    `person` is whom the request speaks for, `text` a part of the body or of the pushed message. Seconds are real time.
    """

    model_config = ConfigDict(extra="forbid")

    function: str
    kind: Kind
    method: str | None = None
    path_prefix: str = "/"
    person: str | None = None
    text: str | None = None
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0)
    seen: str | None = None


@dataclass(frozen=True)
class Befallen:
    """A mishap that happened: to which request, and whose requests were lost with an instance that was killed."""

    kind: Kind
    function: str
    method: str
    path: str
    person: str | None
    at: str
    lost: list[str | None] = field(default_factory=list)


@dataclass
class Mishaps:
    """The armed mishaps, oldest first; a request meets the first that matches it."""

    armed: list[Mishap] = field(default_factory=list)
    befallen: deque[Befallen] = field(default_factory=lambda: deque(maxlen=KEPT))

    def routes(self) -> list[web.RouteDef]:
        """The control API."""
        return [
            web.get("/_control/mishaps", self._show),
            web.post("/_control/mishaps", self._arm),
            web.delete("/_control/mishaps", self._disarm),
        ]

    async def take(self, function: str, request: web.Request) -> Mishap | None:
        """The mishap that befalls this request, one use of it spent."""
        person = spoken_for(request.headers)
        for armed in [one for one in self.armed if one.function == function]:
            if not _meets(armed, request, function, person):
                continue
            if armed.text is not None and armed.text not in _said(await request.read()):
                continue
            if armed not in self.armed:
                # Another request spent it while this one's body came.
                continue
            if armed.skip:
                armed.skip -= 1
                continue
            armed.times -= 1
            if armed.times == 0:
                self.armed.remove(armed)
            return armed
        return None

    def note(self, mishap: Mishap, request: web.Request, lost: Sequence[str | None] = ()) -> None:
        """Write down what befell a request, and whose requests were lost with an instance."""
        path = request.path.removeprefix(f"/{mishap.function}")
        person, at = spoken_for(request.headers), clock.now().isoformat()
        self.befallen.append(Befallen(mishap.kind, mishap.function, request.method, path, person, at, list(lost)))

    async def _show(self, _: web.Request) -> web.Response:
        armed = [mishap.model_dump() for mishap in self.armed]
        return web.json_response({"armed": armed, "befallen": [asdict(one) for one in self.befallen]})

    async def _arm(self, request: web.Request) -> web.Response:
        self.armed.append(Mishap.model_validate_json(await request.read()))
        return web.Response(status=204)

    async def _disarm(self, _: web.Request) -> web.Response:
        self.armed.clear()
        self.befallen.clear()
        return web.Response(status=204)


def spoken_for(headers: CIMultiDictProxy[str]) -> str | None:
    """The person whom a caller names, or the subject of the gateway's token. Nothing is verified."""
    if PERSON_HEADER in headers:
        return headers[PERSON_HEADER]
    _, _, token = headers.get("Authorization", "").partition(" ")
    try:
        subject: Any = jwt.decode(token, options={"verify_signature": False}).get("sub")
    except jwt.PyJWTError:
        return None
    return str(subject) if "X-Serverless-Authorization" in headers else None


def _meets(armed: Mishap, request: web.Request, function: str, person: str | None) -> bool:
    path = request.path.removeprefix(f"/{function}") or "/"
    return (
        armed.method in (None, request.method) and path.startswith(armed.path_prefix) and armed.person in (None, person)
    )


def _said(body: bytes) -> str:
    """The body as text, and beside it the message in it if it is a push."""
    text = body.decode("utf-8", "replace")
    try:
        return text + base64.b64decode(json.loads(text)["message"]["data"]).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return text
