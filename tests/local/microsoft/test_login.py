"""Signing in at Microsoft, by msal where it goes so far."""

from collections.abc import Callable
from datetime import timedelta

import certifi
import jwt
import pytest
import requests
from msal import ConfidentialClientApplication

from tests.local.microsoft.visitor import ADA, BRAM, CLIENT_ID, REDIRECT_URI, SCOPES, Visitor, redirected

GRAPH_SCOPES = ["User.Read", "Mail.Read"]


def signed_in(visitor: Visitor, application: ConfidentialClientApplication) -> dict[str, object]:
    """A person's consent by msal's own flow, PKCE and nonce included."""
    flow = application.initiate_auth_code_flow(GRAPH_SCOPES, redirect_uri=REDIRECT_URI, login_hint=ADA)
    returned = redirected(
        requests.get(flow["auth_uri"], allow_redirects=False, timeout=10, verify=visitor.certificates)
    )
    answer: dict[str, object] = application.acquire_token_by_auth_code_flow(flow, returned)
    return answer


def test_msal_signs_a_person_in(visitor: Visitor) -> None:
    answer = signed_in(visitor, visitor.application())
    claims = answer["id_token_claims"]
    assert isinstance(claims, dict)
    assert (claims["preferred_username"], claims["aud"], claims["ver"]) == (ADA, CLIENT_ID, "2.0")
    assert claims["iss"] == f"{visitor.url}/{claims['tid']}/v2.0"
    assert answer["refresh_token"]


def test_msal_refuses_an_authority_without_tls(visitor: Visitor) -> None:
    with pytest.raises(ValueError, match="https"):
        visitor.application(authority=f"{visitor.url.replace('https', 'http')}/common").initiate_auth_code_flow([])


def test_msal_refreshes_and_the_refresh_token_is_replaced(visitor: Visitor) -> None:
    application = visitor.application()
    first = signed_in(visitor, application)
    second = application.acquire_token_by_refresh_token(first["refresh_token"], GRAPH_SCOPES)
    assert second["refresh_token"] != first["refresh_token"]
    assert visitor.read_control("refreshes")["refreshes"] == {ADA: 1}


def test_a_replaced_refresh_token_still_works(visitor: Visitor) -> None:
    first = visitor.tokens()["refresh_token"]
    assert visitor.refresh(first).status_code == 200
    assert visitor.refresh(first).status_code == 200


def test_a_refresh_token_ends_after_90_days(visitor: Visitor, move_clock: Callable[[timedelta], None]) -> None:
    tokens = visitor.tokens()
    move_clock(timedelta(days=90))
    refused = visitor.application().acquire_token_by_refresh_token(tokens["refresh_token"], GRAPH_SCOPES)
    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [700082])


def test_revoked_sessions_end_refresh_tokens(visitor: Visitor) -> None:
    tokens = visitor.tokens()
    visitor.control("revoke", {"user": ADA})
    refused = visitor.application().acquire_token_by_refresh_token(tokens["refresh_token"], GRAPH_SCOPES)
    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50173])


def test_without_offline_access_there_is_no_refresh_token(visitor: Visitor) -> None:
    assert "refresh_token" not in visitor.tokens(scope="openid Mail.Read")


def test_a_wrong_secret_is_refused_with_its_number(visitor: Visitor) -> None:
    refused = visitor.application(secret="wrong").acquire_token_by_refresh_token("x", GRAPH_SCOPES)
    assert (refused["error"], refused["error_codes"]) == ("invalid_client", [7000215])


def test_a_code_is_good_once(visitor: Visitor) -> None:
    code = visitor.code()
    assert visitor.redeem(code).status_code == 200
    assert visitor.redeem(code).json()["error_codes"] == [54005]


def test_a_code_expires_after_ten_minutes(visitor: Visitor, move_clock: Callable[[timedelta], None]) -> None:
    code = visitor.code()
    move_clock(timedelta(minutes=10))
    assert visitor.redeem(code).json()["error_codes"] == [70008]


def test_a_code_needs_its_verifier_and_its_redirect(visitor: Visitor) -> None:
    code = visitor.code()
    assert visitor.redeem(code, code_verifier="w" * 64).json()["error_codes"] == [501481]
    assert visitor.redeem(code, redirect_uri="https://elsewhere.example/").json()["error_codes"] == [500112]
    assert visitor.redeem(code).status_code == 200


def test_a_person_is_sent_back_with_state_and_code(visitor: Visitor) -> None:
    returned = redirected(visitor.ask())
    assert returned["state"] == "st&te"
    assert returned["code"]


def test_a_declined_consent_is_told_to_the_application(visitor: Visitor) -> None:
    visitor.control("auto_approve", {"enabled": True, "allow": False})
    returned = redirected(visitor.ask())
    assert (returned["error"], returned["state"]) == ("access_denied", "st&te")
    assert "AADSTS65004" in returned["error_description"]


@pytest.mark.parametrize(
    ("parameter", "number"), [("client_id", "AADSTS700016"), ("redirect_uri", "AADSTS50011")], ids=str
)
def test_a_request_that_cannot_be_trusted_is_shown_to_the_person(visitor: Visitor, parameter: str, number: str) -> None:
    wrong = {"client_id": "00000000-0000-4000-8000-000000000000", "redirect_uri": "https://elsewhere.example/"}
    answer = visitor.ask(**{parameter: wrong[parameter]})
    assert "Location" not in answer.headers
    assert number in answer.text


def test_a_person_may_grant_fewer_scopes(visitor: Visitor) -> None:
    visitor.control("auto_approve", {"enabled": True, "scopes": ["openid", "offline_access", "Mail.Read"]})
    granted = visitor.tokens()["scope"].split()
    assert any(scope.endswith("Mail.Read") for scope in granted)
    assert not any(scope.endswith("Calendars.ReadWrite") for scope in granted)


def test_the_id_token_verifies_against_the_published_keys(visitor: Visitor) -> None:
    id_token = visitor.tokens()["id_token"]
    configuration = requests.get(
        f"{visitor.url}/common/v2.0/.well-known/openid-configuration", timeout=10, verify=visitor.certificates
    ).json()
    keys = requests.get(configuration["jwks_uri"], timeout=10, verify=visitor.certificates).json()["keys"]
    known = {key["kid"]: jwt.PyJWK(key) for key in keys}
    key = known[jwt.get_unverified_header(id_token)["kid"]]
    claims = jwt.decode(id_token, key.key, algorithms=["RS256"], audience=CLIENT_ID)
    assert claims["oid"]
    assert claims["sub"] != claims["oid"]


def test_an_error_has_the_form_of_entra(visitor: Visitor) -> None:
    refused = visitor.refresh("nonsense")
    assert refused.status_code == 400
    body = refused.json()
    assert {"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"} <= set(body)
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")


def test_the_token_endpoint_fails_on_command_by_number(visitor: Visitor) -> None:
    tokens = visitor.tokens()
    visitor.control("faults", {"match": {"path_prefix": "/common/"}, "kind": "error", "reason": "AADSTS50076"})
    refused = visitor.refresh(tokens["refresh_token"])
    assert refused.json()["error_codes"] == [50076]
    assert visitor.refresh(tokens["refresh_token"]).status_code == 200


def test_everything_secret_that_was_given_out_for_an_account_is_told(visitor: Visitor) -> None:
    code = visitor.code()
    first = visitor.redeem(code).json()
    second = visitor.refresh(first["refresh_token"]).json()
    assert visitor.read_control("tokens", user=ADA) == {
        "access tokens": [first["access_token"], second["access_token"]],
        "refresh tokens": [first["refresh_token"], second["refresh_token"]],
        "codes": [code],
    }
    assert not any(visitor.read_control("tokens", user=BRAM).values())


def test_the_record_tells_a_refresh_from_an_exchange(visitor: Visitor) -> None:
    visitor.refresh(visitor.tokens()["refresh_token"])
    asked = [record["operation"] for record in visitor.read_control("requests", user=ADA)["requests"]]
    assert asked == ["login oauth2/v2.0/token authorization_code", "login oauth2/v2.0/token refresh_token"]


def test_a_client_that_does_not_know_the_authority_connects_to_nobody(visitor: Visitor) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{visitor.url}/common/v2.0/.well-known/openid-configuration", timeout=10, verify=certifi.where())


def test_scopes_are_asked_in_any_case_and_with_their_resource(visitor: Visitor) -> None:
    granted = visitor.tokens(scope=SCOPES.replace("Mail.Read", "https://graph.microsoft.com/mail.read"))["scope"]
    assert "Mail.Read" in granted
