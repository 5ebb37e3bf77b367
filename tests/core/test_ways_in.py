"""There is no way into any function for a request that has not been through the check of who makes it."""

import asyncio
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.requests import Request

from lib.core.http import Admits, Service
from lib.core.stream import StreamService
from scripts.local.catalog import PUSH_INVOKER, TASKS_INVOKER, load
from scripts.openapi_document import placeholder_environment, started
from tests.e2e.operations import functions

PUBLIC = {"POST /webhooks/clerk"}
"""Whoever comes here proves it by a signature that the handler verifies."""
OF_NOBODY = {"GET /users/erasures/<receipt>", "GET /users/erasures/<receipt>/certificate"}
"""What is about nobody any more, and is known by a receipt that cannot be guessed."""
FORGED = {
    "X-Briefly-Person": "user_ada",
    "X-Clerk-Session": "a.b.c",
    "X-CloudTasks-QueueName": "runs",
    "X-Goog-Authenticated-User-Email": "accounts.google.com:gateway@briefly.iam.gserviceaccount.com",
    "X-Forwarded-For": "127.0.0.1",
}
"""What the inside of a cloud says of a request, and nobody may say from the outside."""


def as_admitted(email: str) -> dict[str, str]:
    """What a function sees of somebody whom Cloud Run has let in."""
    payload = urlsafe_b64encode(json.dumps({"email": email, "email_verified": True}).encode()).decode().rstrip("=")
    return {"Authorization": f"Bearer head.{payload}.SIGNATURE_REMOVED_BY_GOOGLE"}


@contextmanager
def service(name: str) -> Iterator[Any]:
    with placeholder_environment(name, functions()[name]):
        yield started(name).service


def ways_into(served: Any, but_for: Admits | None = None) -> list[tuple[str, str]]:
    """Every method of every rule, whoever registered it, but for those that admit whom one knows all about.

    OPTIONS of a public route only tells of its methods.
    """
    if isinstance(served, StreamService):
        return [("GET", route.rule.replace("{", "x").replace("}", "")) for route in served.routes]
    found = []
    for rule in served.app.url_map.iter_rules():
        own = served._routes.get(rule.endpoint)
        methods = set(rule.methods) - ({"OPTIONS"} if own is not None and own.admits is Admits.ANYONE else set())
        if own is not None and own.admits is but_for:
            continue
        found += [(method, re.sub(r"<[^>]*>", "x1234567", rule.rule)) for method in sorted(methods)]
    return found


def asked(served: Any, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of the answer to a request that came past the front door."""
    if isinstance(served, Service):
        return int(served.app.test_client().open(path, method=method, headers=headers).status_code)
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": encoded}
    return asyncio.run(served(Request(scope | {"scheme": "https", "server": ("test", 443)}))).status_code


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["nothing", "forged headers"])
@pytest.mark.parametrize("name", sorted(functions()))
def test_no_route_answers_whoever_proves_nothing(name: str, headers: dict[str, str]) -> None:
    with service(name) as served:
        ways = ways_into(served)
        assert ways
        for method, path in ways:
            # What the framework brings along is not there at all.
            expected = 404 if path.startswith("/static/") else 401
            assert asked(served, method, path, headers) == expected, (method, path)


@pytest.mark.parametrize("name", sorted(functions()))
def test_whom_cloud_run_let_in_by_mistake_gets_nowhere_either(name: str) -> None:
    """An account of the project that the catalogue names nowhere, with all that it can say for itself."""
    headers = FORGED | as_admitted("stranger@briefly.iam.gserviceaccount.com")
    with service(name) as served:
        for method, path in ways_into(served, but_for=Admits.CALLERS):
            assert asked(served, method, path, headers) in (401, 403, 404), (method, path)


def test_the_routes_that_admit_anybody_are_few_and_known() -> None:
    found = set()
    for name in functions():
        with service(name) as served:
            if isinstance(served, Service):
                found |= {route_of(name, one) for one in served._routes.values() if one.admits is Admits.ANYONE}
    assert found == PUBLIC
    assert {name for name, row in load().functions.items() if row.public} == {place.split("/")[1] for place in PUBLIC}


def test_who_is_taken_at_iams_word_is_a_push_or_asks_about_nobody() -> None:
    """Routes that look no further than Cloud Run's check are of functions that only pushes of Pub/Sub reach."""
    for name, row in load().functions.items():
        with service(name) as served:
            routes = list(served._routes.values()) if isinstance(served, Service) else []
        at_iams_word = {route_of(name, one) for one in routes if one.admits is Admits.CALLERS}
        assert at_iams_word <= OF_NOBODY or (row.trigger, row.callers) == ("pubsub", (PUSH_INVOKER,)), name
        if any(one.admits is Admits.TASKS for one in routes):
            assert TASKS_INVOKER in row.callers, name


def route_of(function: str, route: Any) -> str:
    method, _, rule = route.name.partition(" ")
    return f"{method} /{function}{rule}"


def test_a_route_that_the_framework_brings_along_is_not_there() -> None:
    with placeholder_environment("test", {}):
        own = Service("Test", admits=Admits.ANYONE)
        own.app.add_url_rule("/debug", "debug", lambda: "open")
        assert own.app.test_client().get("/debug").status_code == 404
