"""The functions that Pub/Sub pushes to, with whatever a push can hold: taken, or refused as no push of ours."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from schemathesis import Config, GenerationMode

from lib.core import clock
from lib.core.errors import MEDIA_TYPE
from lib.core.telemetry import person_hash
from lib.lifecycle.models import UserEvent
from lib.usage.models import LogEntry, ModelUsed
from lib.usage.recording import UNKNOWN_PERSON_IS_LATE_FOR
from lib.users.announcements import Announcement
from tests.briefly import Briefly
from tests.e2e.operations import functions
from tests.fuzz.callers import Sibling

PUSHED = [name for name, row in functions().items() if row["trigger"] == "pubsub"]


class Told(BaseModel):
    """What a schedule tells: all of it stands in the message's attributes."""


class Retaining(BaseModel):
    """The one event about a person that names nothing else, so that any person's is right."""

    type: Literal["user.retaining"]
    person: str


EVENTS: dict[str, list[type[BaseModel]]] = {
    "on-user": [Announcement],
    "on-person": [UserEvent, Retaining],
    "on-usage": [ModelUsed, LogEntry],
    "maintain": [Told],
    "seal-audit": [Told],
}
"""What each is sent."""
KINDS: list[dict[str, str]] = [{"kind": "model"}, {"duty": "release-reservations"}, {}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@pytest.fixture(scope="module")
def person(briefly: Briefly) -> str:
    return briefly.sign_up().user


@pytest.fixture
def push(briefly: Briefly, request: pytest.FixtureRequest) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = Sibling(briefly, "push-invoker", request.getfixturevalue("function"))
        yield session


@pytest.mark.parametrize("function", PUSHED)
def test_whatever_is_pushed_is_taken_or_refused(
    briefly: Briefly, push: requests.Session, person: str, function: str
) -> None:
    taken = []

    @settings(
        # Each is a request over the wire.
        max_examples=settings().max_examples // 2,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_bodies(EVENTS[function], person))
    @example(b"")
    @example(b"\xff")
    @example(b"[" * 100_000)
    @example(b'{"message": {"messageId": "1"}, "deliveryAttempt": 1e999}')
    def exercise(body: bytes) -> None:
        answer = push.post(f"{briefly.state.origin}/{function}/", data=body, timeout=30)
        if answer.status_code == 204:
            taken.append(body)
        elif answer.status_code != 503 or not _may_be_known_later(body, person):
            assert answer.status_code == 400, (body, answer.text)
            assert answer.headers["Content-Type"] == MEDIA_TYPE
            assert answer.json()["type"] == "urn:briefly:problem:malformed-webhook"

    exercise()
    assert taken


def _bodies(models: list[type[BaseModel]], person: str) -> st.SearchStrategy[bytes]:
    """Pushes of events as their models describe and forbid them, of the person and of others; and odd pushes."""
    people = st.none() | st.sampled_from([person, person_hash(person)]) | st.text(max_size=20)
    data = st.builds(_encoded, st.one_of(map(_events, models)), people)
    right = st.fixed_dictionaries(
        {"messageId": st.just("1"), "data": data, "attributes": st.sampled_from(KINDS)},
    )
    odd = st.fixed_dictionaries(
        {},
        optional={"messageId": JSON, "data": data | JSON, "attributes": st.sampled_from(KINDS) | JSON},
    )
    pushes = st.fixed_dictionaries({"message": right}) | st.fixed_dictionaries(
        {"message": odd | JSON}, optional={"deliveryAttempt": JSON}
    )
    return (pushes | JSON).map(lambda body: json.dumps(body).encode())


def _events(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """What a model's schema describes, and what it forbids."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = schema.pop("$defs", {})
    document = {
        "openapi": "3.1.0",
        "info": {"title": model.__name__, "version": "1"},
        "paths": {
            "/": {
                "post": {
                    "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
                    "responses": {},
                }
            }
        },
        "components": {"schemas": definitions},
    }
    operation = schemathesis.openapi.from_dict(document, config=Config())["/"]["POST"]
    return st.one_of([operation.as_strategy(mode).map(lambda case: case.body) for mode in GenerationMode])


def _encoded(event: Any, person: str | None) -> str:
    """An event as a message carries it, of a person if it can be of one."""
    if person is not None and isinstance(event, dict):
        if "person" in event:
            event = event | {"person": person}
        elif isinstance(event.get("jsonPayload"), dict):
            event = event | {"jsonPayload": event["jsonPayload"] | {"person": person}}
    text = event if isinstance(event, bytes) else json.dumps(event).encode()
    return base64.b64encode(text).decode()


def _may_be_known_later(body: bytes, person: str) -> bool:
    """Whether a push tells of a call by somebody whose creation may still be on its way."""
    data = base64.b64decode(json.loads(body)["message"]["data"])
    try:
        entry = LogEntry.model_validate_json(data)
    except ValidationError:
        return False
    is_late = clock.now() - entry.timestamp >= UNKNOWN_PERSON_IS_LATE_FOR
    return entry.payload.person != person_hash(person) and not is_late
