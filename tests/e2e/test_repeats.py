"""What is sent again has no second effect: signed requests, webhooks, and requests with an Idempotency-Key."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from scripts.local.identity_tokens import IdentityTokens
from scripts.local.signing import GatewayKey, GatewaySigner, Outgoing
from tests import clerk
from tests.briefly import ADA, Briefly, Client, eventually
from tests.kept import content


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def conversations(person: Client) -> int:
    return len(person.get("/chat/conversations")["conversations"])


def test_a_signed_request_is_good_once(briefly: Briefly, person: Client) -> None:
    body = json.dumps(person.consent_at("google", ADA)).encode()
    session = briefly.control("clerk", "POST", "sessions", {"user_id": person.user})["id"]
    token = briefly.control("clerk", "POST", f"sessions/{session}/tokens", {})["jwt"]
    state = briefly.state
    signer = GatewaySigner(
        GatewayKey.from_jwk(state.gateway_key), IdentityTokens.from_file(state.identity_key), state.origin
    )
    outgoing = Outgoing("accounts", "POST", "/connections/finish", body)
    headers = signer.headers(person.user, token, outgoing, sensitive=True) | {"Content-Type": "application/json"}
    url = f"{state.origin}/accounts/connections/finish"
    first, again = (requests.post(url, data=body, headers=headers, timeout=30) for _ in range(2))
    assert first.json()["type"] == "urn:briefly:problem:state-invalid"
    assert (again.status_code, again.json()["type"]) == (409, "urn:briefly:problem:replayed-request")
    altered = requests.post(url, data=body + b" ", headers=headers, timeout=30)
    assert (altered.status_code, altered.json()["type"]) == (401, "urn:briefly:problem:unauthenticated")


def test_a_webhook_that_comes_again_changes_nothing(briefly: Briefly, person: Client) -> None:
    first = next(
        sent
        for sent in briefly.control("clerk", "GET", "webhooks")["webhooks"]
        if sent["type"] == "user.created" and sent["payload"]["data"]["id"] == person.user
    )
    briefly.control("clerk", "PATCH", f"users/{person.user}", {"first_name": "Newer"})
    eventually(lambda: person.get("/users/me")["given_name"] == "Newer")
    before = content(person.user)
    assert briefly.control("clerk", "POST", f"webhooks/{first['id']}/repeat") == {"status": 204}
    pushes = eventually(lambda: [push for push in applied(briefly, person.user) if push["outcome"] == "delivered"][2:])
    assert pushes
    assert content(person.user) == before


def applied(briefly: Briefly, user: str) -> list[dict[str, str]]:
    """What was pushed about a person."""
    pushes = briefly.control("push", "GET", "pushes")["pushes"]
    mine = (push for push in pushes if push["function"] == "on-user" and user in push["data"])
    return [push for push in mine if json.loads(push["data"])["type"].startswith("user.")]


def test_a_webhook_with_a_signature_that_proves_nothing_is_refused(briefly: Briefly, person: Client) -> None:
    body = clerk.user_event("user.deleted", person.user, 1)
    right = clerk.signed(briefly, body)
    wrong = [
        clerk.signed(briefly, body, key="whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk"),
        clerk.signed(briefly, body, age=3600),
        clerk.signed(briefly, body, age=-3600),
        clerk.signed(briefly, body + " "),
        {},
        right | {"svix-signature": "v1,AAAA"},
        right | {"svix-signature": "v1,é".encode().decode("latin-1")},
        right | {"svix-signature": "nonsense"},
        right | {"svix-timestamp": "now"},
        right | {"svix-id": "msg_other"},
    ]
    for headers in wrong:
        refused = clerk.deliver(briefly, body, headers)
        assert refused.status_code == 401, headers
        assert refused.json()["type"] == "urn:briefly:problem:invalid-signature"
    assert person.call("GET", "/users/me").status_code == 200


@pytest.mark.parametrize(
    "body", ['{"type": "user.created", "data": {"id": "a/b"}}', '{"type": "user.deleted", "data": []}', "[]", "{"]
)
def test_a_signed_webhook_that_cannot_be_read_is_refused(briefly: Briefly, body: str) -> None:
    refused = clerk.deliver(briefly, body, clerk.signed(briefly, body))
    assert refused.status_code == 400, refused.text
    assert refused.json()["type"] == "urn:briefly:problem:malformed-webhook"


def test_a_webhook_of_a_kind_that_is_not_needed_is_taken(briefly: Briefly) -> None:
    body = json.dumps({"type": "email.created", "data": {"id": "ema_1"}})
    assert clerk.deliver(briefly, body, clerk.signed(briefly, body)).status_code == 204


def test_a_request_with_the_same_key_is_answered_as_before(person: Client) -> None:
    key = secrets.token_hex(8)
    first, again = (
        person.call("POST", "/chat/conversations", {"title": "Once"}, Idempotency_Key=key) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert conversations(person) == 1


def test_a_key_is_good_for_one_request(person: Client) -> None:
    key = secrets.token_hex(8)
    one, two = (person.post("/chat/conversations", {"title": title}, 201)["id"] for title in ("One", "Two"))
    wish = {"title": "Renamed"}
    assert person.call("PATCH", f"/chat/conversations/{one}", wish, Idempotency_Key=key).status_code == 200
    for path, body in ((one, {"title": "Other"}), (two, wish)):
        refused = person.call("PATCH", f"/chat/conversations/{path}", body, Idempotency_Key=key)
        assert refused.status_code == 422, refused.text
        assert refused.json()["type"] == "urn:briefly:problem:idempotency-key-reused"
    assert person.get(f"/chat/conversations/{two}")["title"] == "Two"


def test_an_answer_without_content_is_repeated_without_content(person: Client) -> None:
    conversation, key = person.post("/chat/conversations", {}, 201)["id"], secrets.token_hex(8)
    path = f"/chat/conversations/{conversation}"
    first, again = (person.call("DELETE", path, Idempotency_Key=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (204, 204, b"")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_refused_request_gives_its_key_back(person: Client) -> None:
    key = secrets.token_hex(8)
    path = "/chat/conversations/con_nothing"
    for _ in range(2):
        refused = person.call("PATCH", path, {"title": "Nothing"}, Idempotency_Key=key)
        assert refused.json()["type"] == "urn:briefly:problem:not-found"


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_is_none_is_refused(person: Client, key: str) -> None:
    refused = person.call("POST", "/chat/conversations", {}, Idempotency_Key=key)
    assert refused.json()["type"] == "urn:briefly:problem:invalid-request"
    assert conversations(person) == 0


def test_one_persons_keys_are_not_anothers(briefly: Briefly, person: Client) -> None:
    other, key = briefly.sign_up(), secrets.token_hex(8)
    answers = [who.call("POST", "/chat/conversations", {}, Idempotency_Key=key) for who in (person, other)]
    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert "Idempotency-Replayed" not in answers[1].headers


def test_requests_with_one_key_at_once_have_one_effect(person: Client) -> None:
    key = secrets.token_hex(8)

    def post(_: int) -> requests.Response:
        return person.call("POST", "/chat/conversations", {"title": "At once"}, Idempotency_Key=key)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(6)))
    done = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    waiting = [answer.json()["type"] for answer in answers if answer.status_code != 201]
    assert len(done) == 1
    assert set(waiting) <= {"urn:briefly:problem:request-in-progress"}
    assert conversations(person) == 1
