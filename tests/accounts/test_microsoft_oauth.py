"""What Microsoft's token endpoint may answer and should not, and what msal makes of it."""

import hashlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import jwt
import pytest

from lib.accounts.errors import CodeRefused, ProviderBusy
from lib.accounts.microsoft import transport
from lib.accounts.microsoft.authority import PERSONAL_TENANT
from lib.accounts.microsoft.oauth import CLIENT_SECRET, MicrosoftOAuth
from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.ports import Grant, GrantEnded, Owner
from lib.core import clock
from lib.core.secrets import SecretSettings
from scripts.local import certificates
from tests.accounts.answering import Endpoint, configured, serving
from tests.mounting import mount

CLIENT, SECRET, VERIFIER = "8b2f9b0e-us", "the~application's~secret", "v" * 64
TENANT = "5bcd3f2a-0f0e-4c4b-9d0e-6a1f0b7c9d11"
GRANTED = frozenset({"openid", "profile", "email", "User.Read", "Mail.Read"})
GOOD = {
    "token_type": "Bearer",
    "access_token": "eyJ.access",
    "refresh_token": "0.new",
    "expires_in": 3599,
    "ext_expires_in": 3599,
    "scope": "openid profile email https://graph.microsoft.com/mail.read https://graph.microsoft.com/User.Read",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("microsoft")
    mount(folder, CLIENT_SECRET, SECRET)
    certified = certificates.make(folder)
    server = Endpoint(certificates.server_context(certified.server))
    microsoft = MicrosoftSettings(microsoft_client_id=CLIENT, microsoft_authority=f"{server.url}/common")
    with (
        pytest.MonkeyPatch.context() as patch,
        configured(microsoft, SecretSettings(secrets_dir=str(folder))),
        serving(server),
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", str(certified.bundle))
        yield server


@pytest.fixture
def endpoint(served: Endpoint) -> Endpoint:
    """The endpoint, which nobody has asked yet."""
    served.forget()
    served.discovery = {
        "authorization_endpoint": f"{served.url}/common/oauth2/v2.0/authorize",
        "token_endpoint": f"{served.url}/common/oauth2/v2.0/token",
    }
    transport.forget()
    return served


def refused(error: str, *numbers: int) -> dict[str, Any]:
    """A refusal in Microsoft's form."""
    told = f"AADSTS{numbers[0] if numbers else 1}: It is so.\r\nTrace ID: 0000\r\nTimestamp: 2026-01-09 02:02:12Z"
    return {"error": error, "error_description": told, "error_codes": list(numbers), "trace_id": "0000"}


def identified(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    """A good answer with an ID token of these claims; those that are None are left out."""
    claims = {
        "iss": f"{endpoint.url}/{TENANT}/v2.0",
        "aud": CLIENT,
        "exp": int(clock.timestamp()) + 3600,
        "nonce": hashlib.sha256(VERIFIER.encode()).hexdigest(),
        "tid": TENANT,
        "oid": "an-object-id",
        "sub": "for-this-application",
        "preferred_username": "grace@contoso.example",
    } | changes
    told = {name: value for name, value in claims.items() if value is not None}
    return GOOD | {"id_token": jwt.encode(told, "nobody checks it, as it comes over TLS", "HS256")}


def exchange() -> tuple[Grant, Owner]:
    return MicrosoftOAuth().exchange("0.code", VERIFIER, "https://briefly.example/callback/microsoft", GRANTED)


def refresh() -> Grant:
    return MicrosoftOAuth().refresh("0.old", GRANTED)


def test_a_code_is_exchanged_with_its_verifier_for_whom_it_is_of(endpoint: Endpoint) -> None:
    endpoint.answer = identified(endpoint, email="grace.hopper@contoso.example")
    grant, owner = exchange()
    assert (grant.access_token, grant.refresh_token) == ("eyJ.access", "0.new")
    assert owner == Owner(f"{endpoint.url}/{TENANT}/v2.0", "an-object-id", "grace.hopper@contoso.example")
    (form,) = endpoint.forms
    assert (form["code"], form["code_verifier"], form["client_secret"]) == ("0.code", VERIFIER, SECRET)
    assert form["redirect_uri"] == "https://briefly.example/callback/microsoft"
    assert "scope" not in form


def test_an_address_is_the_name_that_one_signs_in_with_where_there_is_none(endpoint: Endpoint) -> None:
    endpoint.answer = identified(endpoint)
    assert exchange()[1].email == "grace@contoso.example"


def test_only_what_was_granted_is_asked_for_again(endpoint: Endpoint) -> None:
    endpoint.answer = GOOD
    grant = refresh()
    assert (grant.access_token, grant.refresh_token) == ("eyJ.access", "0.new")
    assert grant.lifetime == timedelta(seconds=3599)
    assert grant.scopes == GRANTED
    (form,) = endpoint.forms
    assert form["refresh_token"] == "0.old"
    assert set(form["scope"].split()) == GRANTED | {"offline_access"}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody else"},
        {"exp": 1},
        {"nonce": "of another consent"},
        {"nonce": None},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
        {"iss": None},
        {"tid": PERSONAL_TENANT},
        {"tid": None},
        {"oid": None},
        {"preferred_username": None},
    ],
    ids=json.dumps,
)
def test_an_id_token_of_others_or_of_nobody_connects_nothing(endpoint: Endpoint, changes: dict[str, Any]) -> None:
    endpoint.answer = identified(endpoint, **changes)
    with pytest.raises(CodeRefused):
        exchange()


def test_what_lacks_an_id_token_or_a_refresh_token_connects_nothing(endpoint: Endpoint) -> None:
    for lacking in ("id_token", "refresh_token"):
        endpoint.answer = {name: value for name, value in identified(endpoint).items() if name != lacking}
        with pytest.raises(CodeRefused):
            exchange()


@pytest.mark.parametrize(
    ("takes", "tenant", "believed"),
    [
        ("common", TENANT, True),
        ("common", PERSONAL_TENANT, True),
        ("organizations", TENANT, True),
        ("organizations", PERSONAL_TENANT, False),
        ("consumers", TENANT, False),
        ("consumers", PERSONAL_TENANT, True),
        (TENANT, TENANT, True),
        (TENANT, PERSONAL_TENANT, False),
        ("common", "contoso.example", False),
    ],
)
def test_a_tenants_word_counts_where_the_authority_takes_its_accounts(
    endpoint: Endpoint, takes: str, tenant: str, believed: bool
) -> None:
    settings = MicrosoftSettings(microsoft_client_id=CLIENT, microsoft_authority=f"{endpoint.url}/{takes}")
    endpoint.answer = identified(endpoint, iss=f"{endpoint.url}/{tenant}/v2.0", tid=tenant)
    with configured(settings):
        if believed:
            assert exchange()[1].issuer == f"{endpoint.url}/{tenant}/v2.0"
        else:
            with pytest.raises(CodeRefused):
                exchange()


ENDED = [
    *(refused("invalid_grant", number) for number in (50076, 50079, 50158, 50173, 54005, 65001, 70000, 70008, 700082)),
    refused("invalid_scope", 70011),
    refused("invalid_resource", 500011),
    *(refused(error) for error in ("invalid_grant", "interaction_required", "consent_required")),
    refused("interaction_required", 53003),
    # "Error validating credentials", and then which: those of the person.
    *(refused("invalid_grant", 70002, number) for number in (70000, 70008, 50173, 50089)),
]
SHUT_OUT = [
    *(refused("unauthorized_client", number) for number in (70001, 700016, 7000112)),
    refused("unauthorized_client"),
]
OURS = [
    *(refused("invalid_client", number) for number in (7000215, 7000222)),
    *(refused("invalid_client", 70002, number) for number in (50012, 700016)),
    refused("invalid_client"),
    # The number says it better than the error does.
    refused("invalid_request", 7000218),
]
PASSING = [
    refused("temporarily_unavailable"),
    refused("server_error"),
    refused("invalid_grant", 90033),
    refused("invalid_grant", 50196),
    refused("invalid_grant", 70000, 90033),
    refused("invalid_grant", 70002, 90033),
]
UNKNOWN = [refused("invalid_request", 900144), refused("invalid_request"), {"error": "x", "error_codes": "y"}]


def told(answer: dict[str, Any]) -> str:
    return f"{answer['error']} {answer['error_codes']}"


@pytest.mark.parametrize("answer", ENDED, ids=told)
def test_what_only_the_person_can_mend_ends_the_grant(endpoint: Endpoint, answer: dict[str, Any]) -> None:
    endpoint.status, endpoint.answer = 400, answer
    with pytest.raises(GrantEnded, match=r"^AADSTS\d+: It is so\.$"):
        refresh()
    with pytest.raises(CodeRefused):
        exchange()


@pytest.mark.parametrize("answer", SHUT_OUT, ids=told)
def test_an_application_that_a_tenant_shut_out_ends_the_grant_and_calls_us(
    endpoint: Endpoint, answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.status, endpoint.answer = 400, answer
    for ask, outcome in ((refresh, GrantEnded), (exchange, ProviderBusy)):
        with pytest.raises(outcome):
            ask()
        (line,) = capsys.readouterr().out.splitlines()
        assert (json.loads(line)["severity"], json.loads(line)["numbers"]) == ("ERROR", answer["error_codes"])


@pytest.mark.parametrize("answer", OURS, ids=told)
def test_our_own_credentials_are_no_reason_to_reconnect_but_to_call_us(
    endpoint: Endpoint, answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.status, endpoint.answer = 401, answer
    for ask in (refresh, exchange):
        with pytest.raises(ProviderBusy):
            ask()
        (line,) = capsys.readouterr().out.splitlines()
        logged = json.loads(line)
        assert (logged["severity"], logged["provider"]) == ("ERROR", "microsoft")


@pytest.mark.parametrize("answer", PASSING, ids=told)
def test_what_may_pass_is_no_reason_to_reconnect(endpoint: Endpoint, answer: dict[str, Any]) -> None:
    endpoint.status, endpoint.answer = 400, answer
    for ask in (refresh, exchange):
        with pytest.raises(ProviderBusy):
            ask()


@pytest.mark.parametrize("answer", UNKNOWN, ids=told)
def test_what_microsoft_does_not_document_costs_a_code_but_no_account(
    endpoint: Endpoint, answer: dict[str, Any]
) -> None:
    endpoint.status, endpoint.answer = 400, answer
    with pytest.raises(ProviderBusy):
        refresh()
    with pytest.raises(CodeRefused):
        exchange()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_ill_endpoint_is_busy_whatever_it_says(endpoint: Endpoint, status: int) -> None:
    endpoint.status, endpoint.answer = status, refused("invalid_grant", 70000)
    with pytest.raises(ProviderBusy):
        refresh()


def test_secrets_go_nowhere_else_on_the_endpoints_word(endpoint: Endpoint) -> None:
    endpoint.status, endpoint.answer = 307, "<html>"
    with pytest.raises(ProviderBusy):
        refresh()
    assert len(endpoint.forms) == 1


UNREADABLE = [
    *([], ["access_token"], "text", None, 7, {}, '{"access_token": "eyJ.ac'),
    {**GOOD, "access_token": None},
    {**GOOD, "expires_in": 10**30},
    {**GOOD, "expires_in": -1},
    {**GOOD, "scope": ["openid"]},
    {**GOOD, "id_token": None},
    {**GOOD, "id_token": "a.b"},
    {**GOOD, "refresh_in": "soon"},
]


@pytest.mark.parametrize("answer", UNREADABLE, ids=json.dumps)
def test_an_answer_without_a_token_is_a_failure_that_passes(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answer = answer
    for ask in (refresh, exchange):
        with pytest.raises(ProviderBusy):
            ask()


@pytest.mark.parametrize("discovery", ["<html>", {}, {"token_endpoint": "http://plain.example/token"}], ids=json.dumps)
def test_an_authority_that_names_no_endpoints_is_busy(endpoint: Endpoint, discovery: Any) -> None:
    endpoint.discovery, right = discovery, endpoint.discovery
    with pytest.raises(ProviderBusy):
        refresh()
    endpoint.discovery, endpoint.answer = right, GOOD
    assert refresh().access_token == "eyJ.access"


def test_the_authority_is_asked_once_for_its_endpoints(endpoint: Endpoint) -> None:
    endpoint.answer = GOOD
    with ThreadPoolExecutor(4) as pool:
        refresh()
        assert len(list(pool.map(lambda _: refresh(), range(16)))) == 16
    assert endpoint.discoveries == 1


def test_nobody_is_recognised_by_what_another_was_told(endpoint: Endpoint) -> None:
    endpoint.answer = identified(endpoint)
    exchange()
    endpoint.answer = GOOD | {"refresh_token": "0.newer"}
    refresh()
    refresh()
    assert [form.get("refresh_token") for form in endpoint.forms] == [None, "0.old", "0.old"]
    assert endpoint.cookies == [None, None, None]


@pytest.mark.parametrize("answer", [*UNREADABLE[:7], GOOD, refused("invalid_grant", 70000)], ids=json.dumps)
def test_no_log_shows_a_secret(
    endpoint: Endpoint, answer: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.answer = answer
    with caplog.at_level(logging.DEBUG):
        for ask in (refresh, exchange):
            with suppress(CodeRefused, GrantEnded, ProviderBusy):
                ask()
    shown = caplog.text + capsys.readouterr().out
    assert shown
    for secret in ("0.old", "0.new", "0.code", "eyJ.ac", VERIFIER, SECRET):
        assert secret not in shown
