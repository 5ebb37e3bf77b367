"""People begin, change and end by Clerk's webhooks, in whatever order these come."""

import json
from typing import Any

import pytest
import requests

from lib.core import clock
from lib.core.events import Delivery, publish
from lib.core.store import UserId
from lib.core.telemetry import person_hash
from lib.usage import deletion, recording
from lib.users import store
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.signing import GatewayKey, GatewaySigner, Outgoing
from tests import clerk
from tests.asking import ask
from tests.briefly import Briefly, Client, eventually
from tests.e2e.operations import operations
from tests.kept import everything
from tests.model_use import used
from tests.sse import events


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def tell(briefly: Briefly, body: str) -> None:
    """Have Clerk's event delivered and applied."""
    assert clerk.deliver(briefly, body, clerk.signed(briefly, body)).status_code == 204
    eventually(lambda: body_is_applied(briefly, json.loads(body)))


def body_is_applied(briefly: Briefly, event: dict[str, Any]) -> bool:
    """Whether the newest push with this event was taken."""
    for push in reversed(briefly.control("push", "GET", "pushes")["pushes"]):
        if push["function"] == "on-user":
            told = json.loads(push["data"])
            if (told["type"], told["data"]["id"]) == (event["type"], event["data"]["id"]) and (
                told["data"]["updated_at"] == event["data"]["updated_at"]
            ):
                return bool(push["outcome"] == "delivered")
    return False


def updated_at(person: Client) -> int:
    """How recent what is known of the person is."""
    snapshot = store.read(UserId(person.user))
    assert snapshot
    return store.clerk_updated_at(snapshot)


def test_what_clerk_says_of_somebody_is_applied(briefly: Briefly, person: Client) -> None:
    begun = person.get("/users/me")["created_at"]
    change = {"first_name": "Grace", "email": "grace@people.example"}
    briefly.control("clerk", "PATCH", f"users/{person.user}", change)
    eventually(lambda: person.get("/users/me")["given_name"] == "Grace")
    changed = person.get("/users/me")
    assert (changed["email"], changed["family_name"]) == ("grace@people.example", "Person")
    assert changed["created_at"] == begun


def test_a_webhook_is_of_its_time_by_the_clock_that_everything_shares(briefly: Briefly, person: Client) -> None:
    body = clerk.user_event("user.updated", person.user, updated_at(person))
    signed = clerk.signed(briefly, body)
    assert clerk.deliver(briefly, body, signed).status_code == 204
    briefly.move_clock(3600)
    assert clerk.deliver(briefly, body, signed).status_code == 401
    assert briefly.sign_up().get("/users/me")["email"]


def test_an_older_event_that_comes_late_changes_nothing(briefly: Briefly, person: Client) -> None:
    before = person.get("/users/me")
    tell(briefly, clerk.user_event("user.updated", person.user, updated_at(person) - 1))
    assert person.get("/users/me") == before
    tell(briefly, clerk.user_event("user.updated", person.user, updated_at(person) + 1))
    assert person.get("/users/me")["given_name"] == "Late"


def test_an_update_that_overtakes_the_creation_creates(briefly: Briefly) -> None:
    user = f"user_{clock.timestamp()}".replace(".", "")
    tell(briefly, clerk.user_event("user.updated", user, 2))
    tell(briefly, clerk.user_event("user.created", user, 1, first_name="Early"))
    known = store.profile(UserId(user))
    assert known
    assert known.given_name == "Late"


def test_a_deletion_leaves_nothing_and_nobody_comes_back(briefly: Briefly, person: Client) -> None:
    person.post("/chat/conversations", {"title": "To be forgotten"}, 201)
    newest = updated_at(person)
    assert len(everything(person.user)) > 2
    tell_of_deletion(briefly, person)
    tell(briefly, clerk.user_event("user.created", person.user, newest + 1000))
    tell(briefly, clerk.user_event("user.updated", person.user, newest + 2000))
    assert everything(person.user) == {}


def test_a_deletion_ends_an_answer_under_way_and_leaves_nothing_of_it(briefly: Briefly, person: Client) -> None:
    with briefly.models_that(tokens_per_second=800):
        _, posted = ask(person, "Go on for a while", model="local-lorem")
        reading = events(person.call("GET", f"/stream{posted['stream_path']}", stream=True))
        assert next(event for event in reading if event.type == "text-delta")
        tell_of_deletion(briefly, person)
        list(reading)
    eventually(lambda: everything(person.user) == {})


def test_a_deletion_ends_what_the_vault_keeps_and_what_the_provider_granted(briefly: Briefly, person: Client) -> None:
    account = person.connect_google(briefly.unseen_mailbox(79))
    asked = {"account_id": account, "purpose": "a test", "scopes": []}
    token = briefly.as_function("mail", "tokens", "/access-tokens", person.user, asked).json()["token"]
    assert google_status(briefly, token) == 200
    assert {path.split("/")[2] for path in everything(person.user) if path.count("/") > 1} >= {
        "keysets",
        "sealed_tokens",
    }
    tell_of_deletion(briefly, person)
    assert google_status(briefly, token) == 401
    briefly.move_clock(deletion.KEPT.total_seconds())
    assert briefly.as_function("mail", "tokens", "/access-tokens", person.user, asked).status_code == 410


def test_a_deletion_needs_no_answer_of_the_provider(briefly: Briefly, person: Client) -> None:
    person.connect_google(briefly.unseen_mailbox(80))
    fault = {"match": {"path_prefix": "/revoke"}, "kind": "error", "status": 503, "times": None}
    briefly.control("google", "POST", "faults", fault)
    try:
        tell_of_deletion(briefly, person)
    finally:
        briefly.control("google", "DELETE", "faults")


def test_a_session_that_outlives_its_person_is_good_for_nothing(briefly: Briefly, person: Client) -> None:
    kept = KeptSession(briefly, person)
    asked = [one for one in operations() if one.function not in ("tokens", "webhooks")]
    assert kept.call("GET", "users", "/me").status_code == 200
    tell_of_deletion(briefly, person)
    briefly.move_clock(deletion.KEPT.total_seconds())
    for operation in asked:
        path = operation.filled(dict.fromkeys(operation.in_path, "x")).removeprefix(f"/{operation.function}")
        refused = kept.call(operation.method, operation.function, path, sensitive=operation.sensitive)
        assert (refused.status_code, refused.json()["type"]) == (410, "urn:briefly:problem:person-deleted"), operation
    # The proof of a sensitive request is used up before anything is looked at, and kept for two minutes.
    assert everything(person.user, without=("signed_requests",)) == {}


def test_a_late_line_about_a_deleted_person_is_dropped_at_once(briefly: Briefly, person: Client) -> None:
    tell_of_deletion(briefly, person)
    call = {"event": "api_call", "person": person_hash(person.user), "function": "mail", "status": 200}
    line = {
        "insertId": person.user,
        "logName": "projects/briefly-local/logs/run",
        "timestamp": clock.now().isoformat(),
        "jsonPayload": call | {"duration_ms": 1},
    }
    assert not recording.record(Delivery("1", json.dumps(line).encode(), {}, attempt=1))
    assert everything(person.user) == {}


def test_what_a_deleted_person_used_is_not_kept(briefly: Briefly, person: Client) -> None:
    tell_of_deletion(briefly, person)
    event = used(person.user)
    publish(recording.TOPIC, event, kind="model")
    eventually(lambda: was_delivered(briefly, event.id))
    assert everything(person.user) == {}


def tell_of_deletion(briefly: Briefly, person: Client) -> None:
    """Have Clerk delete the person, and wait until nothing is left, calls on their way to the counters included."""
    eventually(lambda: person.get("/usage/")["days"])
    briefly.control("clerk", "DELETE", f"users/{person.user}")
    eventually(lambda: everything(person.user) == {})


def google_status(briefly: Briefly, token: str) -> int:
    """How Google answers to an access token."""
    url = f"{briefly.state.endpoints.google}/gmail/v1/users/me/profile"
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code


class KeptSession:
    """A session of a person's that is used on, whatever becomes of the person."""

    def __init__(self, briefly: Briefly, person: Client) -> None:
        state = briefly.state
        self._person, self._origin = person, state.origin
        self._signer = GatewaySigner(
            GatewayKey.from_jwk(state.gateway_key), IdentityTokens.from_file(state.identity_key), state.origin
        )
        session = briefly.control("clerk", "POST", "sessions", {"user_id": person.user})["id"]
        self._token = briefly.control("clerk", "POST", f"sessions/{session}/tokens", {})["jwt"]

    def call(self, method: str, function: str, path: str, *, sensitive: bool = False) -> requests.Response:
        """Call a function."""
        outgoing = Outgoing(function, method, path, b"")
        headers = self._signer.headers(self._person.user, self._token, outgoing, sensitive=sensitive)
        return requests.request(method, f"{self._origin}/{function}{path}", headers=headers, timeout=30)


def was_delivered(briefly: Briefly, text: str) -> bool:
    """Whether a push with this text was taken."""
    pushes = briefly.control("push", "GET", "pushes")["pushes"]
    return any(push["outcome"] == "delivered" for push in pushes if text in push["data"])
