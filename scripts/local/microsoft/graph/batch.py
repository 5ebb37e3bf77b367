"""JSON batches: up to 20 requests in one, each judged alone, their answers in whatever order.

Graph hands at most four parts at a time to Outlook, in the order of the batch, whatever mailbox they are for; a part
whose dependency failed is answered with 424. Sources: https://learn.microsoft.com/graph/json-batching and
https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from multidict import CIMultiDict

from scripts.local.microsoft.graph.errors import GraphError, bad_request
from scripts.local.microsoft.graph.routes import VERSION
from scripts.local.provider.wire import Answer, Call, Json

MAXIMUM_PARTS = 20
_AT_ONCE = 4
_METHODS = frozenset(("GET", "POST", "PATCH", "PUT", "DELETE"))
# msgraph-core writes `depends_on`, which Graph passes over: https://github.com/microsoftgraph/msgraph-sdk-python-core/pull/996
_FIELDS = frozenset(("id", "method", "url", "headers", "body", "dependsOn", "depends_on"))
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch."""

    id: str
    call: Call
    depends_on: tuple[str, ...]


def read_batch(call: Call) -> list[Part]:
    """The parts of a batch. Raises GraphError when it is no batch."""
    try:
        requests = orjson.loads(call.body)["requests"]
    except (ValueError, KeyError, TypeError):
        raise bad_request("Invalid batch payload format.") from None
    if not isinstance(requests, list) or not requests:
        raise bad_request("Invalid batch payload format.")
    if len(requests) > MAXIMUM_PARTS:
        raise bad_request(f"Number of batch request steps exceeds the max value of {MAXIMUM_PARTS}.")
    parts = [_part(request, call) for request in requests]
    names = [part.id.casefold() for part in parts]
    if len(set(names)) != len(names):
        raise bad_request("Request Id should be unique.")
    for place, part in enumerate(parts):
        if not {name.casefold() for name in part.depends_on} <= set(names[:place]):
            raise bad_request(f"Invalid dependsOn in request '{part.id}': it names no request before this one.")
    return parts


async def answer_parts(parts: list[Part], answer: Callable[[Call], Awaitable[Answer]]) -> Json:
    """The answers to the parts, shuffled in a way that their ids decide."""
    places = asyncio.Semaphore(_AT_ONCE)
    tasks: dict[str, asyncio.Task[Answer]] = {}

    async def run(part: Part) -> Answer:
        earlier = [await asyncio.shield(tasks[name.casefold()]) for name in part.depends_on]
        if any(one.status >= 400 for one in earlier):
            message = "The request could not be performed because a request that it depends on failed."
            return GraphError(424, "FailedDependency", message).answer(part.call)
        async with places:
            return await answer(part.call)

    for part in parts:
        tasks[part.id.casefold()] = asyncio.create_task(run(part))
    answers = await asyncio.gather(*tasks.values())
    described = [_described(part.id, one) for part, one in zip(parts, answers, strict=True)]
    return {"responses": sorted(described, key=lambda one: hashlib.sha256(one["id"].encode()).digest())}


def _part(request: Any, outer: Call) -> Part:
    if not isinstance(request, dict) or not isinstance(request.get("id"), str) or not request["id"]:
        raise bad_request("Invalid batch payload format: a request has no id.")
    name, method, url = request["id"], str(request.get("method", "")).upper(), request.get("url")
    if method not in _METHODS or not isinstance(url, str) or url.startswith(("http:", "https:")):
        raise bad_request(f"Invalid batch payload format: request '{name}' has no method and relative url.")
    unknown, depends_on = set(request) - _FIELDS, request.get("dependsOn") or []
    if unknown or not isinstance(depends_on, list):
        raise bad_request(f"Invalid batch payload format in request '{name}'.")
    headers: CIMultiDict[str] = CIMultiDict(request.get("headers") or {})
    body = b""
    if request.get("body") is not None:
        if "Content-Type" not in headers:
            raise bad_request(f"Content-Type header is missing for request '{name}', which has a body.")
        body = orjson.dumps(request["body"])
    headers["Authorization"] = outer.headers.get("Authorization", "")
    target = f"/{VERSION}/{url.lstrip('/')}"
    return Part(name, Call.of_target(method, target, headers, body), tuple(map(str, depends_on)))


def _described(name: str, answer: Answer) -> Json:
    if answer.ending != "complete":
        answer = Answer(504, b"", answer.content_type)
    described: Json = {"id": name, "status": answer.status, "headers": {**answer.headers}}
    if not answer.body:
        return described
    described["headers"]["Content-Type"] = answer.content_type.partition(";")[0]
    is_json = answer.content_type.startswith(_JSON)
    described["body"] = orjson.loads(answer.body) if is_json else b64encode(answer.body).decode()
    return described
