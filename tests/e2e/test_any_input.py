"""Whatever JSON or query comes: an answer or a problem, never a failure of our own."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.briefly import Briefly, Client
from tests.e2e.operations import Operation, operations

ASKED = [one for one in operations() if one.function != "webhooks"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=40)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=40) | st.dates().map(str) | st.integers().map(str)
SEGMENTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).map(lambda text: quote(text, safe=""))


@pytest.fixture(scope="module")
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def bodies(operation: Operation) -> st.SearchStrategy[Any]:
    """Objects with the operation's fields, and anything in them; or anything."""
    if not operation.has_body:
        return st.none()
    fields: dict[Any, st.SearchStrategy[Any]] = dict.fromkeys(operation.in_body, VALUES)
    return st.fixed_dictionaries({}, optional=fields) | st.dictionaries(st.text(max_size=9), VALUES, max_size=3)


def send(person: Client, operation: Operation, path: str, body: Any) -> requests.Response:
    """Call an operation: as the gateway does, or as the vault's callers do."""
    if operation.function == "tokens":
        return person.briefly.as_function("mail", "tokens", path.removeprefix("/tokens"), person.user, body)
    return person.call(operation.method, path, body, sensitive=operation.sensitive)


@pytest.mark.parametrize("operation", ASKED, ids=str)
def test_nothing_that_comes_is_our_failure(person: Client, operation: Operation) -> None:
    names = [name for name in operation.in_query if name != "Last-Event-ID"]

    @settings(
        # Each is a request over the wire.
        max_examples=settings().max_examples // 6,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def exercise(data: st.DataObject) -> None:
        values = {name: data.draw(SEGMENTS) for name in operation.in_path}
        asked = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, WORDS)))
        path = operation.filled(values) + (f"?{urlencode(asked)}" if asked else "")
        answer = send(person, operation, path, data.draw(bodies(operation)))
        assert answer.status_code < 500, (path, answer.text)

    exercise()
