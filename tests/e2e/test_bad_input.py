"""Bad input gets a problem with a stable type, and writes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lib.core.http import MAXIMUM_BODY_BYTES
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import service_account
from scripts.local.signing import GatewayKey, GatewaySigner, Outgoing
from tests.briefly import Briefly, Client
from tests.e2e.operations import Operation, operations
from tests.kept import content

SAMPLES = {
    **dict.fromkeys(("conversation_id", "message_id", "thread_id", "event_id"), "nothing0"),
    "account_id": "acc_" + "0" * 24,
    "run_id": "run_" + "0" * 24,
    "export_id": "exp_" + "0" * 26,
    "session_id": "sess_nothing",
    "notice_id": "ntc_" + "0" * 24,
}
WITH_BODY = [one for one in operations() if one.has_body]
WITH_CURSOR = [one for one in operations() if "cursor" in one.in_query]
NO_NUMBERS = ('{"x": NaN}', '{"x": [-Infinity]}')
ROOTS = ["users", "accounts", "mail", "events", "chat", "stream", "usage"]


@pytest.fixture(scope="module")
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def problem(answer: requests.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem that an answer is; of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:briefly:problem:{kind}"
    assert document["status"] == status
    assert document["request_id"].startswith("req_")
    return document


@pytest.fixture
def unchanged(person: Client) -> Iterator[None]:
    """Whatever the test sends, nothing of the person's is changed."""
    before = content(person.user)
    yield
    assert content(person.user) == before


def send(person: Client, operation: Operation, body: Any, query: str = "", **headers: Any) -> requests.Response:
    """Call an operation: as the gateway does, or as the vault's callers do."""
    path = operation.filled(SAMPLES) + query
    if operation.function == "tokens":
        inner = path.removeprefix("/tokens")
        caller = "tasks-invoker" if operation.is_task else "mail"
        return person.briefly.as_function(caller, "tokens", inner, person.user, body, **headers)
    return person.call(operation.method, path, body, sensitive=operation.sensitive, **headers)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_what_is_not_a_json_object_is_refused(person: Client, operation: Operation) -> None:
    lone_surrogate = '{"text": "\\ud800"}'
    for body in ("", "{", "[]", "null", '"text"', "[" * 20_000, "\u0000", '{"a": 1}}', lone_surrogate, *NO_NUMBERS):
        problem(send(person, operation, body), 400, "malformed-body")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_an_unknown_field_is_named(person: Client, operation: Operation) -> None:
    refused = problem(send(person, operation, {"surprise": 1}), 422, "invalid-request")
    assert "surprise" in [error["field"] for error in refused["errors"]]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_wrong_type_is_named(person: Client, operation: Operation) -> None:
    wrongs: tuple[Any, ...] = (["a list"], {"an": "object"}, 17.5)
    for wrong in wrongs:
        refused = problem(send(person, operation, dict.fromkeys(operation.in_body, wrong)), 422, "invalid-request")
        assert {error["field"].partition(".")[0] for error in refused["errors"]} <= set(operation.in_body)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_body_of_more_than_a_mebibyte_is_refused(person: Client, operation: Operation) -> None:
    body = json.dumps({"text": "x" * MAXIMUM_BODY_BYTES})
    problem(send(person, operation, body), 413, "body-too-large")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_another_media_type_is_refused(person: Client, operation: Operation) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = send(person, operation, "{}", Content_Type=media_type)
        problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("operation", WITH_CURSOR, ids=str)
def test_a_cursor_that_was_not_handed_out_is_refused(person: Client, operation: Operation) -> None:
    path = operation.path
    if operation.in_path:
        path = path.replace("{conversation_id}", person.post("/chat/conversations", {}, 201)["id"])
    for cursor in ("x", "AAAA", "%00", "", "é", "A" * 400, "eyJhdCI6MX0"):
        answer = person.call("GET", f"/{operation.function}{path}?cursor={cursor}")
        problem(answer, 400, "invalid-cursor")


@pytest.mark.parametrize(
    "query",
    [
        *("mail/?limit=0", "mail/?limit=many", "mail/?after=yesterday", "mail/?colour=red", "events/?limit=-1"),
        *("events/?start=soon", "chat/conversations?limit=100000", "usage/?first=never", "usage/models?limit=1e3"),
        *("mail/?text=a&text=b", "chat/conversations?limit=1&limit=2"),
        *("mail/?after=0.0", "events/?start=1764000000", "usage/?first=0", "usage/?last=86400"),
    ],
)
def test_a_wrong_query_is_refused(person: Client, query: str) -> None:
    problem(person.call("GET", f"/{query}"), 422, "invalid-request")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("operation", operations(), ids=str)
def test_an_unknown_field_of_the_query_is_named(person: Client, operation: Operation) -> None:
    refused = problem(
        send(person, operation, {} if operation.has_body else None, "?surprise=1"), 422, "invalid-request"
    )
    assert [error["field"] for error in refused["errors"]] == ["surprise"]


@pytest.mark.parametrize("path", ["users/me//preferences", "chat/conversations//messages"])
def test_a_doubled_slash_names_nothing(person: Client, path: str) -> None:
    problem(person.call("GET", f"/{path}"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        *("accounts/acc_" + "0" * 24, "chat/conversations/con_nothing", "chat/conversations/con_nothing/messages"),
        *("chat/runs/run_" + "0" * 24, "stream/runs/run_" + "0" * 24, "stream/conversations/con_nothing/stream"),
        *("mail/nothing", "mail/threads/nothing", "events/nothing", "mail/acc_000.AA.AA"),
    ],
)
def test_an_unknown_id_is_not_found(person: Client, path: str) -> None:
    problem(person.call("GET", f"/{path}"), 404, "not-found")


@pytest.mark.parametrize("path", ["accounts/ACC", "chat/conversations/%20", "chat/runs/run_1", "stream/runs/x"])
def test_what_cannot_be_an_id_is_refused(person: Client, path: str) -> None:
    problem(person.call("GET", f"/{path}"), 422, "invalid-request")


def test_an_id_that_the_database_reserves_is_refused(person: Client) -> None:
    problem(person.call("POST", "/chat/conversations", {"id": "__reserved__"}), 422, "invalid-request")
    problem(person.call("GET", "/chat/conversations/__reserved__"), 422, "invalid-request")


def test_what_cannot_be_an_id_is_no_proof_gone_wrong(person: Client) -> None:
    problem(person.call("DELETE", "/accounts/acc%20", sensitive=True), 422, "invalid-request")


@pytest.mark.parametrize("root", ROOTS)
def test_an_unknown_path_is_not_found(person: Client, root: str) -> None:
    problem(person.call("GET", f"/{root}/no/such/path"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    ["users/me", "accounts/", "mail/", "events/", "chat/conversations", "stream/runs/run_1", "usage/"],
)
def test_a_method_that_a_path_does_not_take_is_refused(person: Client, path: str) -> None:
    answer = person.call("PUT", f"/{path}", {})
    problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]


class Proofs:
    """The gateway's proofs of a request, which can be altered."""

    def __init__(self, briefly: Briefly, person: Client) -> None:
        self._briefly, self._person = briefly, person
        self._key = GatewayKey.from_jwk(briefly.state.gateway_key)
        self._identity = IdentityTokens.from_file(briefly.state.identity_key)
        self._session = briefly.control("clerk", "POST", "sessions", {"user_id": person.user})["id"]

    def session(self, **wish: Any) -> str:
        """A session token, wrong as wished."""
        return str(self._briefly.control("clerk", "POST", f"sessions/{self._session}/tokens", wish)["jwt"])

    def service(self, function: str = "users", key: GatewayKey | None = None, **claims: Any) -> str:
        """A service token, wrong as wished."""
        request = Outgoing(function, "GET", "/me")
        return f"Bearer {(key or self._key).service_token(self._person.user, request, sensitive=False, **claims)}"

    def get(self, function: str = "users", path: str = "me", **changes: str | None) -> requests.Response:
        """GET with right headers but for the changes; None leaves one out."""
        signer = GatewaySigner(self._key, self._identity, self._briefly.state.origin)
        right = signer.headers(
            self._person.user, self.session(), Outgoing(function, "GET", f"/{path}"), sensitive=False
        )
        altered = right | {name.replace("_", "-"): value for name, value in changes.items()}
        headers = {name: value for name, value in altered.items() if value is not None}
        return requests.get(f"{self._briefly.state.origin}/{function}/{path}", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def proofs(briefly: Briefly, person: Client) -> Proofs:
    made = Proofs(briefly, person)
    assert made.get().status_code == 200
    return made


@pytest.mark.parametrize(
    "wish",
    [
        {"lifetime": -60},
        {"forged": True},
        {"azp": "https://evil.example"},
        {"sts": "pending"},
        {"drop": ["exp"]},
        {"drop": ["sid"]},
        {"claims": {"sub": "user_somebody_else"}},
        {"claims": {"iss": "https://clerk.evil.example"}},
        {"claims": {"nbf": 99_999_999_999}},
    ],
    ids=str,
)
@pytest.mark.parametrize(("function", "path"), [("users", "me"), ("stream", "runs/run_1")])
def test_a_session_that_does_not_prove_the_person_is_refused(
    proofs: Proofs, wish: dict[str, Any], function: str, path: str
) -> None:
    problem(proofs.get(function, path, X_Clerk_Session=proofs.session(**wish)), 401, "unauthenticated")


@pytest.mark.parametrize("session", [None, "", "text", "a.b.c", "x" * 8000])
def test_a_missing_or_unreadable_session_is_refused(proofs: Proofs, session: str | None) -> None:
    problem(proofs.get(X_Clerk_Session=session), 401, "unauthenticated")


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"exp": 99_999_999_999}, {"iat": 99_999_999_999}, {"aud": "chat"}, {"iss": "me"}, {"sub": "user_x"}],
    ids=str,
)
def test_a_service_token_that_is_not_for_this_is_refused(proofs: Proofs, claims: dict[str, Any]) -> None:
    problem(proofs.get(Authorization=proofs.service(**claims)), 401, "unauthenticated")


def test_a_forged_or_missing_service_token_is_refused(proofs: Proofs) -> None:
    forged = proofs.service(key=GatewayKey.generate())
    for authorization in (forged, None, "Bearer ", "Basic YTpi"):
        problem(proofs.get(Authorization=authorization), 401, "unauthenticated")


@pytest.mark.parametrize("named", ["user_x", "", "../users"])
def test_the_gateway_cannot_name_a_person_without_a_session(proofs: Proofs, named: str) -> None:
    problem(proofs.get(X_Briefly_Person=named), 403, "forbidden")


def test_callers_that_the_catalogue_does_not_name_are_not_admitted(briefly: Briefly, proofs: Proofs) -> None:
    tokens = IdentityTokens.from_file(briefly.state.identity_key)
    stranger = tokens.mint(service_account("stranger"), briefly.state.endpoints.function("users"))
    elsewhere = tokens.mint(service_account("gateway"), briefly.state.endpoints.function("chat"))
    assert proofs.get(X_Serverless_Authorization=f"Bearer {stranger}").status_code == 403
    assert proofs.get(X_Serverless_Authorization=f"Bearer {elsewhere}").status_code == 401
    assert proofs.get(X_Serverless_Authorization="Bearer a.b.c").status_code == 401
