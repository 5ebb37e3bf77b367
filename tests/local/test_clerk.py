"""Clerk's Backend API of sessions: lists, their parts and their order, ends, errors, and failures on command."""

import asyncio
import base64
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from scripts.local.clerk.server import ClerkConfig, ClerkEndpoint, serve

KEY = "sk_test_0123456789"


@dataclass
class Clerk:
    """A running Clerk whose webhooks nobody takes."""

    url: str

    def api(self, method: str, path: str, key: str = KEY, timeout: float = 10, **query: Any) -> requests.Response:
        """Call the Backend API."""
        headers = {"Authorization": f"Bearer {key}"}
        return requests.request(method, f"{self.url}/v1{path}", params=query, headers=headers, timeout=timeout)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API."""
        answer = requests.request(method, f"{self.url}/_control/{path}", json=body, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def sign_up(self) -> str:
        """A new user's id."""
        return str(self.control("POST", "users", {"first_name": "A", "last_name": "B", "email": "a@b.example"})["id"])

    def sign_in(self, user: str) -> str:
        """A new session's id."""
        return str(self.control("POST", "sessions", {"user_id": user})["id"])

    def told(self, session: str) -> list[str]:
        """The kinds of the webhooks about a session."""
        sent = self.control("GET", "webhooks")["webhooks"]
        return [one["type"] for one in sent if one["payload"]["data"]["id"] == session]


@pytest.fixture(scope="module")
def clerk() -> Iterator[Clerk]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    config = ClerkConfig("http://127.0.0.1:9/", secret, "https://party.example", KEY)
    endpoint: ClerkEndpoint = asyncio.run_coroutine_threadsafe(serve(config), loop).result(10)
    try:
        yield Clerk(endpoint.url)
    finally:
        asyncio.run_coroutine_threadsafe(endpoint.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def ids(answer: requests.Response) -> list[str]:
    """The sessions that were listed."""
    assert answer.status_code == 200, answer.text
    return [session["id"] for session in answer.json()]


def code(answer: requests.Response) -> tuple[int, str]:
    """The status and the code of a refusal."""
    (error,) = answer.json()["errors"]
    assert {"code", "message", "long_message"} <= error.keys()
    return answer.status_code, error["code"]


def test_sessions_are_listed_by_user_with_the_newest_first(clerk: Clerk) -> None:
    user, other = clerk.sign_up(), clerk.sign_up()
    made = [clerk.sign_in(user) for _ in range(3)]
    foreign = clerk.sign_in(other)
    assert ids(clerk.api("GET", "/sessions", user_id=user)) == made[::-1]
    assert ids(clerk.api("GET", "/sessions", user_id=other)) == [foreign]
    (shown,) = clerk.api("GET", "/sessions", user_id=other).json()
    assert shown == clerk.api("GET", f"/sessions/{foreign}").json()
    assert (shown["object"], shown["user_id"], shown["status"]) == ("session", other, "active")
    assert shown["latest_activity"]["browser_name"]
    assert ids(clerk.api("GET", "/sessions", client_id=shown["client_id"])) == [foreign]


def test_a_list_of_sessions_comes_in_parts_of_ten_unless_asked_otherwise(clerk: Clerk) -> None:
    user = clerk.sign_up()
    made = [clerk.sign_in(user) for _ in range(12)][::-1]
    assert ids(clerk.api("GET", "/sessions", user_id=user)) == made[:10]
    assert ids(clerk.api("GET", "/sessions", user_id=user, limit=500)) == made
    assert ids(clerk.api("GET", "/sessions", user_id=user, limit=5, offset=10)) == made[10:]
    page = clerk.api("GET", "/sessions", user_id=user, limit=5, paginated="true").json()
    assert ([session["id"] for session in page["data"]], page["total_count"]) == (made[:5], 12)


def test_sessions_are_listed_by_status(clerk: Clerk) -> None:
    user = clerk.sign_up()
    live, ended, removed = (clerk.sign_in(user) for _ in range(3))
    clerk.control("DELETE", f"sessions/{ended}")
    clerk.control("DELETE", f"sessions/{removed}?status=removed")
    found = {status: ids(clerk.api("GET", "/sessions", user_id=user, status=status)) for status in STATUSES}
    assert found == {"active": [live], "ended": [ended], "removed": [removed], "revoked": []}


STATUSES = ("active", "ended", "removed", "revoked")


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 501}, {"offset": -1}, {"status": "happy"}])
def test_a_list_of_sessions_with_a_wrong_parameter_is_refused(clerk: Clerk, wrong: dict[str, Any]) -> None:
    assert code(clerk.api("GET", "/sessions", user_id=clerk.sign_up(), **wrong))[0] == 422


def test_a_list_of_everybodys_sessions_is_refused(clerk: Clerk) -> None:
    assert code(clerk.api("GET", "/sessions")) == (422, "form_param_missing")


def test_a_revoked_session_is_over_and_told_of_once(clerk: Clerk) -> None:
    session = clerk.sign_in(clerk.sign_up())
    assert clerk.api("POST", f"/sessions/{session}/revoke").json()["status"] == "revoked"
    assert clerk.api("POST", f"/sessions/{session}/revoke").status_code == 200
    assert clerk.told(session) == ["session.created", "session.revoked"]
    assert code(clerk.api("POST", f"/sessions/{session}/tokens")) == (404, "resource_not_found")


def test_the_backend_api_takes_the_secret_key_and_knows_only_what_is_there(clerk: Clerk) -> None:
    session = clerk.sign_in(clerk.sign_up())
    for method, path in (
        ("GET", "/sessions"),
        ("GET", f"/sessions/{session}"),
        ("POST", f"/sessions/{session}/revoke"),
    ):
        assert code(clerk.api(method, path, key="sk_test_other")) == (401, "clerk_key_invalid")
    assert code(clerk.api("GET", "/sessions/sess_nothing")) == (404, "resource_not_found")
    assert code(clerk.api("POST", "/sessions/sess_nothing/revoke")) == (404, "resource_not_found")


def test_too_many_requests_are_told_when_to_come_back(clerk: Clerk) -> None:
    user = clerk.sign_up()
    fault = {"match": {"path_prefix": "/v1/sessions"}, "kind": "error", "status": 429, "retry_after": 7}
    clerk.control("POST", "faults", fault)
    refused = clerk.api("GET", "/sessions", user_id=user)
    assert (code(refused)[0], refused.headers["Retry-After"]) == (429, "7")
    assert clerk.api("GET", "/sessions", user_id=user).status_code == 200


def test_clerk_can_be_told_to_fail_or_to_hang(clerk: Clerk) -> None:
    session = clerk.sign_in(clerk.sign_up())
    path = f"/sessions/{session}/revoke"
    clerk.control("POST", "faults", {"kind": "error", "status": 500})
    assert code(clerk.api("POST", path))[0] == 500
    clerk.control("POST", "faults", {"kind": "timeout_after_commit"})
    with pytest.raises(requests.Timeout):
        clerk.api("POST", path, timeout=0.3)
    assert clerk.api("GET", f"/sessions/{session}").json()["status"] == "revoked"
    assert [one["status"] for one in clerk.control("GET", "requests")["requests"]][-3:] == [500, None, 200]
