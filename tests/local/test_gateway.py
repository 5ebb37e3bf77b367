"""The cookie gateway: sessions, signatures, other sites, streams without a session, the way to a provider and back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lib.core.identity import body_hash
from lib.core.signed_tokens import Expectation, verify
from scripts.local.signing import GatewayKey
from tests.local.copy_rig import Copy, open_copy


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    with open_copy(tmp_path_factory.mktemp("copy")) as opened:
        for person in ("demo", "second"):
            opened.background.run(opened.background.cloud.create_person(person))
        yield opened


class Browser:
    """A browser of somebody who has signed in; follows no redirects."""

    def __init__(self, copy: Copy, person: str = "demo") -> None:
        self._origin = copy.origin
        self._session = requests.Session()
        self._session.trust_env = False
        self.csrf = self.post("/api/login", json={"user": person}).json()["csrf"]

    @property
    def cookies(self) -> set[str]:
        return set(self._session.cookies.keys())

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._session.get(self._origin + path, timeout=20, allow_redirects=False, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self._session.post(self._origin + path, timeout=20, allow_redirects=False, **options)


@pytest.fixture
def browser(copy: Copy) -> Browser:
    return Browser(copy)


def problem(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["X-Request-Id"]
    return answer.status_code, str(answer.json()["type"]).rpartition(":")[2]


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_do_not_get(copy: Copy) -> None:
    answer = requests.post(f"{copy.origin}/api/login", json={"user": "demo"}, timeout=5)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert answer.json()["user"] == copy.background.state.people["demo"]


def test_a_login_as_nobody_is_refused(copy: Copy) -> None:
    assert problem(requests.post(f"{copy.origin}/api/login", json={"user": "user_x"}, timeout=5)) == (404, "not-found")
    assert requests.post(f"{copy.origin}/api/login", data="{", timeout=5).status_code == 422


def test_a_request_without_a_session_is_a_problem(copy: Copy) -> None:
    assert problem(requests.get(f"{copy.origin}/api/echo/x", timeout=5)) == (401, "unauthenticated")


def test_a_call_is_signed_for_the_person_and_proves_what_it_asks(copy: Copy, browser: Browser) -> None:
    sent = json.dumps({"a": "é"}).encode()
    headers = {"X-CSRF-Token": browser.csrf, "Content-Type": "application/json", "X-Briefly-Person": "user_other"}
    seen = browser.post("/api/echo/a%2Fb?q=1", data=sent, headers=headers).json()
    keys = json.dumps(GatewayKey.from_jwk(copy.background.state.gateway_key).jwks())
    claims = verify(
        seen["headers"]["Authorization"].removeprefix("Bearer "),
        Expectation(keys=keys, algorithm="EdDSA", issuer="briefly-gateway", audience="echo", token_type="briefly+jwt"),
    )
    assert claims["sub"] == copy.background.state.people["demo"]
    assert (claims["htm"], claims["htu"], claims["bh"]) == ("POST", "/a/b?q=1", body_hash(sent))
    assert len(claims["jti"]) >= 16
    assert seen["headers"]["X-Clerk-Session"].count(".") == 2
    assert not {"Cookie", "X-Briefly-Person"} & set(seen["headers"])


def test_a_change_needs_the_sessions_csrf_token(copy: Copy, browser: Browser) -> None:
    assert problem(browser.post("/api/echo/x", json={})) == (403, "forbidden")
    foreign = {"X-CSRF-Token": Browser(copy, "second").csrf}
    assert problem(browser.post("/api/echo/x", json={}, headers=foreign)) == (403, "forbidden")


@pytest.mark.parametrize("header", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_site_is_refused(browser: Browser, header: dict[str, str]) -> None:
    assert problem(browser.get("/api/echo/x", headers=header)) == (403, "forbidden")


@pytest.mark.parametrize("name", ["nobody", "hook", "open-echo"])
def test_what_does_not_admit_the_gateway_is_not_there(browser: Browser, name: str) -> None:
    assert problem(browser.get(f"/api/{name}/x")) == (404, "not-found")


def test_an_answer_comes_back_as_it_is_but_without_cookies(browser: Browser) -> None:
    answer = browser.get("/api/echo/?status=418", headers={"Last-Event-ID": "run:1:7"})
    assert answer.status_code == 418
    assert answer.json()["headers"]["Last-Event-Id"] == "run:1:7"
    assert browser.cookies == {"briefly_session"}


def test_a_stream_passes_through_while_it_is_made(browser: Browser) -> None:
    with browser.get("/api/ticker/", stream=True) as answer:
        assert next(answer.iter_lines()).startswith(b"data: ")


def test_a_stream_without_a_session_says_so_in_an_event(copy: Copy) -> None:
    for path, headers in (("/api/ticker/", {}), ("/api/echo/", {"Accept": "text/event-stream"})):
        answer = requests.get(copy.origin + path, headers=headers, timeout=5)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
        assert "event: auth-expired\n" in answer.text


def test_a_session_that_clerk_ended_is_over(copy: Copy, browser: Browser) -> None:
    browser.get("/api/echo/")
    webhooks = copy.clerk("GET", "webhooks")["webhooks"]
    session = next(one for one in reversed(webhooks) if one["type"] == "session.created")["payload"]["data"]["id"]
    copy.clerk("DELETE", f"sessions/{session}")
    copy.control("POST", "clock", {"seconds": 60})
    assert problem(browser.get("/api/echo/")) == (401, "unauthenticated")


def test_a_logout_ends_the_session(browser: Browser) -> None:
    assert browser.post("/api/logout", headers={"X-CSRF-Token": browser.csrf}).status_code == 204
    assert browser.get("/api/session").status_code == 401


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_a_connection_goes_to_the_provider_and_is_finished_by_the_same_browser(
    copy: Copy, browser: Browser, provider: str
) -> None:
    begun = browser.get(f"/api/accounts/connect/{provider}")
    callback = f"{copy.origin}/api/oauth/callback/{provider}"
    assert (begun.status_code, begun.headers["Location"]) == (302, f"https://{provider}.example/auth?to={callback}")
    back = f"/api/oauth/callback/{provider}?state=a-state&code=c&iss=https://accounts.google.com&scope=s"
    assert problem(Browser(copy, "second").get(back)) == (403, "forbidden")
    finished = browser.get(back, headers={"Sec-Fetch-Site": "cross-site"})
    assert finished.json()["asked"] == {
        "provider": provider,
        "state": "a-state",
        "code": "c",
        "iss": "https://accounts.google.com",
    }
    assert problem(browser.get(back)) == (403, "forbidden")


@pytest.mark.parametrize(("provider", "name"), [("google", "Google"), ("microsoft", "Microsoft")])
def test_a_refused_consent_is_a_problem_that_names_the_provider(browser: Browser, provider: str, name: str) -> None:
    browser.get(f"/api/accounts/connect/{provider}")
    answer = browser.get(f"/api/oauth/callback/{provider}?state=a-state&error=access_denied")
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["detail"] == f"{name} did not connect the account: access_denied"


def test_there_is_no_way_to_a_provider_that_is_not_known(browser: Browser) -> None:
    assert problem(browser.get("/api/accounts/connect/yahoo")) == (404, "not-found")
    assert problem(browser.get("/api/oauth/callback/yahoo?state=a-state&code=c")) == (404, "not-found")
