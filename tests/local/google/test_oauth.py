"""Sign-in: RFC 6749, RFC 7636, RFC 9207, and what Google adds."""

import re
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request

from tests.local.google import ada
from tests.local.google.visitor import (
    CALENDAR,
    CHALLENGE,
    CLIENT_ID,
    CLIENT_SECRET,
    GMAIL,
    REDIRECT_URI,
    VERIFIER,
    Visitor,
    redirected,
)


def test_a_code_comes_back_with_state_scope_and_issuer(visitor: Visitor) -> None:
    answer = visitor.ask(scope=f"openid email {GMAIL}")
    assert answer.headers["Location"].startswith(f"{REDIRECT_URI}&state=st%26te")
    found = redirected(answer)
    assert found["iss"] == "https://accounts.google.com"
    assert found["scope"] == f"openid https://www.googleapis.com/auth/userinfo.email {GMAIL}"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "other"}, "invalid_client"),
        ({"client_id": None}, "invalid_request"),
        ({"redirect_uri": "http://evil.example/"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "openid nonsense"}, "invalid_scope"),
        ({"scope": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"access_type": "forever"}, "invalid_request"),
        ({"prompt": "none consent"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_shown_to_the_person_and_never_sent_back(
    visitor: Visitor, changes: dict[str, str | None], error: str
) -> None:
    answer = visitor.ask(**changes)
    assert answer.status_code == 400
    assert error in answer.text
    assert "Location" not in answer.headers


def test_a_parameter_given_twice_is_refused(visitor: Visitor) -> None:
    answer = requests.get(visitor.ask().request.url + "&state=other", allow_redirects=False, timeout=10)  # type: ignore[operator]
    assert answer.status_code == 400
    assert "can only have a single value: state" in answer.text


def _consent(visitor: Visitor, page: str, **form: str | list[str]) -> requests.Response:
    transaction = re.search(r'name="transaction" value="([^"]+)"', page)
    assert transaction
    body = {"transaction": transaction[1], "email": ada.EMAIL, "decision": "allow"} | form
    return requests.post(f"{visitor.url}/o/oauth2/v2/auth", data=body, allow_redirects=False, timeout=10)


def test_a_person_may_grant_fewer_scopes_on_the_page(visitor: Visitor) -> None:
    visitor.control("auto_approve", {"enabled": False})
    page = visitor.ask(login_hint=None).text
    assert ada.EMAIL in page
    assert ada.BRAM in page
    found = redirected(_consent(visitor, page, scope=[CALENDAR]))
    tokens = visitor.redeem(found["code"]).json()
    assert CALENDAR in tokens["scope"].split()
    assert GMAIL not in tokens["scope"].split()
    answer = visitor.get("/gmail/v1/users/me/messages", tokens["access_token"])
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_a_page_decides_once(visitor: Visitor) -> None:
    visitor.control("auto_approve", {"enabled": False})
    page = visitor.ask().text
    assert "code" in redirected(_consent(visitor, page))
    assert _consent(visitor, page).status_code == 400


def test_a_refusing_person_is_sent_back_with_access_denied(visitor: Visitor) -> None:
    visitor.control("auto_approve", {"enabled": False})
    found = redirected(_consent(visitor, visitor.ask().text, decision="deny"))
    assert found["error"] == "access_denied"
    assert found["state"] == "st&te"
    visitor.control("auto_approve", {"enabled": True, "allow": False})
    assert redirected(visitor.ask())["error"] == "access_denied"


def test_a_code_is_good_once(visitor: Visitor) -> None:
    code = visitor.code()
    assert visitor.redeem(code).status_code == 200
    again = visitor.redeem(code)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"


def test_a_code_needs_its_verifier_and_its_redirect_uri_and_survives_a_wrong_one(visitor: Visitor) -> None:
    code = visitor.code()
    wrong = visitor.redeem(code, code_verifier="w" * 64).json()
    assert wrong == {"error": "invalid_grant", "error_description": "Invalid code verifier."}
    assert visitor.redeem(code, code_verifier="").json()["error_description"] == "Missing code verifier."
    assert visitor.redeem(code, redirect_uri="http://other.example/").json()["error"] == "redirect_uri_mismatch"
    assert visitor.redeem(code).status_code == 200


def test_a_plain_challenge_is_its_own_verifier(visitor: Visitor) -> None:
    code = visitor.code(code_challenge=CHALLENGE, code_challenge_method=None)
    assert visitor.redeem(code, code_verifier=VERIFIER).status_code == 400
    assert visitor.redeem(code, code_verifier=CHALLENGE).status_code == 200


def test_a_code_expires_by_the_clock(visitor: Visitor, move_clock: Callable[[timedelta], None]) -> None:
    code = visitor.code()
    move_clock(timedelta(minutes=11))
    assert visitor.redeem(code).json()["error"] == "invalid_grant"


def test_the_client_proves_itself_in_the_body_or_by_basic(visitor: Visitor) -> None:
    wrong = visitor.redeem(visitor.code(), client_secret="guess")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    basic = requests.post(
        f"{visitor.url}/token",
        data=form | {"code": visitor.code()},
        auth=(CLIENT_ID, CLIENT_SECRET),
        timeout=10,
    )
    assert basic.json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "4/0made-up"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "1//0made-up"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_a_wrong_exchange_is_named(visitor: Visitor, form: dict[str, str], error: str) -> None:
    answer = visitor.exchange(**form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_refresh_token_comes_with_the_first_consent_or_on_demand(visitor: Visitor) -> None:
    assert "refresh_token" in visitor.tokens()
    assert "refresh_token" not in visitor.tokens()
    assert "refresh_token" in visitor.tokens(prompt="consent")
    assert "refresh_token" not in visitor.tokens(prompt="consent", access_type="online")


def test_prompt_none_needs_an_earlier_consent(visitor: Visitor) -> None:
    assert redirected(visitor.ask(prompt="none"))["error"] == "interaction_required"
    visitor.tokens()
    assert "code" in redirected(visitor.ask(prompt="none"))


def test_earlier_grants_are_included_on_demand(visitor: Visitor) -> None:
    visitor.tokens(scope=f"openid {GMAIL}")
    assert GMAIL not in visitor.tokens(scope=CALENDAR)["scope"]
    both = visitor.tokens(scope=CALENDAR, include_granted_scopes="true")["scope"].split()
    assert {GMAIL, CALENDAR} <= set(both)


def test_the_id_token_verifies_against_the_published_keys(visitor: Visitor) -> None:
    tokens = visitor.tokens(nonce="n-1")
    key = jwt.PyJWKClient(f"{visitor.url}/oauth2/v3/certs").get_signing_key_from_jwt(tokens["id_token"])
    claims = jwt.decode(tokens["id_token"], key.key, ["RS256"], audience=CLIENT_ID)
    assert claims["iss"] == "https://accounts.google.com"
    assert (claims["email"], claims["email_verified"], claims["nonce"]) == (ada.EMAIL, True, "n-1")
    assert claims["sub"].isdigit()
    information = visitor.get("/v1/userinfo", tokens["access_token"]).json()
    assert information["sub"] == claims["sub"]
    assert information["given_name"] == "Ada"
    older = visitor.get("/oauth2/v2/userinfo", tokens["access_token"]).json()
    assert (older["id"], older["verified_email"]) == (claims["sub"], True)


def test_without_openid_there_is_no_id_token(visitor: Visitor) -> None:
    assert "id_token" not in visitor.tokens(scope=GMAIL)


def test_googles_own_credentials_refresh_and_the_refresh_token_stays(visitor: Visitor) -> None:
    credentials = visitor.credentials()
    before, refresh_token = credentials.token, credentials.refresh_token
    credentials.refresh(Request())  # type: ignore[no-untyped-call]
    assert credentials.token != before
    assert credentials.refresh_token == refresh_token
    assert "refresh_token" not in visitor.refresh(refresh_token).json()
    assert visitor.read_control("refreshes") == {"refreshes": {ada.EMAIL: 2}}


def test_an_access_token_lives_3599_seconds_by_the_clock(
    visitor: Visitor, move_clock: Callable[[timedelta], None]
) -> None:
    token = visitor.tokens()["access_token"]
    move_clock(timedelta(seconds=3590))
    assert visitor.get("/gmail/v1/users/me/profile", token).status_code == 200
    assert int(visitor.get("/tokeninfo", access_token=token).json()["expires_in"]) <= 9
    move_clock(timedelta(seconds=9))
    answer = visitor.get("/gmail/v1/users/me/profile", token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert visitor.get("/tokeninfo", access_token=token).json()["error"] == "invalid_token"


def test_a_revoked_token_takes_the_whole_grant_with_it(visitor: Visitor) -> None:
    tokens = visitor.tokens()
    revoke = f"{visitor.url}/revoke"
    assert requests.post(revoke, data={"token": tokens["access_token"]}, timeout=10).status_code == 200
    assert visitor.refresh(tokens["refresh_token"]).json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert visitor.get("/gmail/v1/users/me/profile", tokens["access_token"]).status_code == 401
    again = requests.post(revoke, data={"token": tokens["access_token"]}, timeout=10)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    assert "refresh_token" in visitor.tokens()


def test_a_grant_revoked_on_command_makes_googles_client_ask_for_a_reconnect(visitor: Visitor) -> None:
    credentials = visitor.credentials()
    visitor.control("revoke", {"user": ada.EMAIL})
    with pytest.raises(RefreshError, match="invalid_grant"):
        credentials.refresh(Request())  # type: ignore[no-untyped-call]


def test_a_refresh_token_dies_after_six_months_of_rest_or_a_hundred_younger_ones(
    visitor: Visitor, move_clock: Callable[[timedelta], None]
) -> None:
    first = visitor.tokens()["refresh_token"]
    for _ in range(99):
        last = visitor.tokens(prompt="consent", scope=GMAIL)["refresh_token"]
    assert visitor.refresh(first).status_code == 200
    visitor.tokens(prompt="consent", scope=GMAIL)
    assert visitor.refresh(first).json()["error"] == "invalid_grant"
    assert visitor.refresh(last).status_code == 200
    move_clock(timedelta(days=183))
    assert visitor.refresh(last).json()["error"] == "invalid_grant"


def test_access_tokens_end_on_command_and_the_official_client_recovers(visitor: Visitor) -> None:
    gmail = visitor.gmail()
    assert gmail.users().getProfile(userId="me").execute()["emailAddress"] == ada.EMAIL
    assert visitor.control("expire", {"what": "access_tokens", "user": ada.EMAIL}) == {"expired": 1}
    assert gmail.users().getProfile(userId="me").execute()["emailAddress"] == ada.EMAIL
    assert visitor.read_control("refreshes")["refreshes"] == {ada.EMAIL: 1}


def test_everything_secret_that_was_given_out_for_an_account_is_told(visitor: Visitor) -> None:
    code = visitor.code()
    first = visitor.redeem(code).json()
    second = visitor.refresh(first["refresh_token"]).json()
    assert visitor.read_control("tokens", user=ada.EMAIL) == {
        "access tokens": [first["access_token"], second["access_token"]],
        "refresh tokens": [first["refresh_token"]],
        "codes": [code],
    }
    assert not any(visitor.read_control("tokens", user=ada.BRAM).values())


def test_the_discovery_document_names_endpoints_that_exist(visitor: Visitor) -> None:
    document = visitor.get("/.well-known/openid-configuration").json()
    assert document["token_endpoint"] == f"{visitor.url}/token"
    assert requests.get(document["jwks_uri"], timeout=10).json()["keys"][0]["alg"] == "RS256"
