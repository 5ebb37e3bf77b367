"""Every provider's accounts are connected, used, lost and given up in the same way."""

import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from google.cloud import firestore

from lib.core import clock
from tests.briefly import Briefly, Client, sent_back
from tests.contract.providers import PROVIDERS, AtProvider

EXPIRY = timedelta(minutes=91).total_seconds()
"""After which an access token of any provider has expired: Microsoft's last up to 90 minutes."""


@pytest.fixture(params=PROVIDERS, ids=str)
def provider(request: pytest.FixtureRequest) -> AtProvider:
    assert isinstance(request.param, AtProvider)
    return request.param


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def finish(person: Client, taken: dict[str, str], expected: int = 200) -> Any:
    """Finish connecting with what the provider sent the person back with."""
    return person.post("/accounts/connections/finish", taken, expected, sensitive=True)


def connected(person: Client, provider: AtProvider) -> str:
    """A connected account's id."""
    return person.connect(provider.name, provider.email)


def ask(briefly: Briefly, person: Client, provider: AtProvider, account: str, **changes: Any) -> requests.Response:
    """Ask the vault for an access token."""
    wish = {"account_id": account, "purpose": "read mail", "scopes": [provider.mail_scope]} | changes
    return briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish)


def exchange(briefly: Briefly, person: Client, provider: AtProvider, code: str, verifier: str) -> requests.Response:
    """Have the vault take a code."""
    redirect = briefly.state.endpoints.redirect_url(provider.name)
    wish = {"provider": provider.name, "code": code, "code_verifier": verifier, "redirect_url": redirect}
    return briefly.as_function("accounts", "tokens", "/exchanges", person.user, wish)


def problem(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


@contextmanager
def consenting(briefly: Briefly, provider: AtProvider, **outcome: Any) -> Iterator[None]:
    """People decide otherwise than to allow everything, as they did before."""
    provider.control(briefly, "POST", "revoke", {"user": provider.email})
    provider.control(briefly, "POST", "auto_approve", {"enabled": True} | outcome)
    try:
        yield
    finally:
        provider.control(briefly, "POST", "auto_approve", {"enabled": True})


@contextmanager
def failing(briefly: Briefly, provider: AtProvider, **fault: Any) -> Iterator[None]:
    """The provider's token endpoint fails in this way."""
    match = {"path_prefix": provider.token_path}
    provider.control(briefly, "POST", "faults", {"match": match, "times": None} | fault)
    try:
        yield
    finally:
        provider.control(briefly, "DELETE", "faults")


def test_connecting_twice_keeps_the_account_and_its_id(person: Client, provider: AtProvider) -> None:
    first = connected(person, provider)
    (listed,) = person.get("/accounts/")["accounts"]
    assert (listed["id"], listed["provider"], listed["email"]) == (first, provider.name, provider.email)
    assert (listed["health"], provider.mail_scope in listed["scopes"]) == ("ok", True)
    assert connected(person, provider) == first
    assert person.get("/accounts/")["accounts"][0]["connected_at"] == listed["connected_at"]
    assert person.connect(provider.name, provider.other_email) != first
    assert len(person.get("/accounts/")["accounts"]) == 2


def test_one_person_has_accounts_of_all_providers(person: Client) -> None:
    ids = {connected(person, provider) for provider in PROVIDERS}
    listed = person.get("/accounts/")["accounts"]
    assert {account["id"] for account in listed} == ids
    assert [account["provider"] for account in listed] == [provider.name for provider in PROVIDERS]


def test_a_state_is_good_once(person: Client, provider: AtProvider) -> None:
    taken = person.consent_at(provider.name, provider.email)
    finish(person, taken)
    assert finish(person, taken, 409)["type"] == "urn:briefly:problem:state-invalid"


def test_a_state_is_of_no_use_to_another_person_nor_in_another_session(
    briefly: Briefly, person: Client, provider: AtProvider
) -> None:
    taken = person.consent_at(provider.name, provider.email)
    finish(briefly.sign_up(), taken, 409)
    finish(person.in_another_session(), taken, 409)
    assert person.get("/accounts/")["accounts"] == []


def test_an_answer_of_another_issuer_connects_nothing(person: Client, provider: AtProvider) -> None:
    taken = person.consent_at(provider.name, provider.email)
    refused = finish(person, taken | {"iss": provider.other_issuer}, 409)
    assert refused["type"] == "urn:briefly:problem:state-invalid"
    assert person.get("/accounts/")["accounts"] == []


def test_an_answer_at_another_providers_redirect_connects_nothing_and_uses_the_state_up(
    person: Client, provider: AtProvider
) -> None:
    (other,) = [each.name for each in PROVIDERS if each is not provider]
    taken = {name: text for name, text in person.consent_at(provider.name, provider.email).items() if name != "iss"}
    refused = finish(person, taken | {"provider": other}, 409)
    assert refused["type"] == "urn:briefly:problem:state-invalid"
    finish(person, taken | {"provider": provider.name}, 409)
    assert person.get("/accounts/")["accounts"] == []


def test_who_declines_is_sent_back_without_a_code(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    with consenting(briefly, provider, allow=False):
        returned = sent_back(person.begin_connecting(provider.name, provider.email))
    assert returned["error"] == "access_denied"
    assert "code" not in returned
    finish(person, {"state": returned["state"]}, 422)
    assert person.get("/accounts/")["accounts"] == []


def test_what_was_granted_counts_and_lasts(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    with consenting(briefly, provider, scopes=[provider.mail_scope]):
        account = connected(person, provider)
    assert set(person.get(f"/accounts/{account}")["scopes"]) == {provider.mail_scope, *provider.sign_in_scopes}
    first = ask(briefly, person, provider, account).json()["token"]
    briefly.move_clock(EXPIRY)
    assert ask(briefly, person, provider, account).json()["token"] != first


def test_redirects_go_only_where_they_may(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    others = [briefly.state.endpoints.redirect_url(other.name) for other in PROVIDERS if other is not provider]
    for redirect in ("https://evil.example/callback", f"https://evil.example/{provider}", *others):
        person.post("/accounts/connections", {"provider": provider.name, "redirect_url": redirect}, 422)


def test_a_code_is_good_once(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    code, verifier = person.code_at(provider.name, provider.email)
    assert exchange(briefly, person, provider, code, verifier).status_code == 200
    assert problem(exchange(briefly, person, provider, code, verifier)) == (422, "code-refused")


def test_a_code_is_of_no_use_without_its_verifier(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    code, _ = person.code_at(provider.name, provider.email)
    refused = exchange(briefly, person, provider, code, secrets.token_urlsafe(64))
    assert problem(refused) == (422, "code-refused")


def test_a_code_that_the_provider_does_not_know_is_told_as_such(person: Client, provider: AtProvider) -> None:
    taken = person.consent_at(provider.name, provider.email) | {"code": "made-up"}
    assert finish(person, taken, 422)["type"] == "urn:briefly:problem:code-refused"


@pytest.mark.parametrize("expiries", [1, pytest.param(20, marks=pytest.mark.long)])
def test_twenty_callers_over_two_processes_make_one_refresh_per_expiry(
    briefly: Briefly, person: Client, provider: AtProvider, expiries: int
) -> None:
    mailbox = briefly.unseen_mailbox(500 + expiries, provider.name)
    account = person.connect(provider.name, mailbox)
    briefly.control("runner", "PUT", "functions/tokens", {"instances": 2})
    tokens = [ask(briefly, person, provider, account).json()["token"]]
    for _ in range(expiries):
        briefly.move_clock(EXPIRY)
        provider.control(briefly, "DELETE", "refreshes")
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: ask(briefly, person, provider, account), range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
        (token,) = {answer.json()["token"] for answer in answers}
        assert token not in tokens
        assert provider.refreshes(briefly, mailbox) == 1
        tokens.append(token)


def test_a_token_that_the_provider_refused_is_replaced(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    account = connected(person, provider)
    first = ask(briefly, person, provider, account).json()["token"]
    refused = hashlib.sha256(first.encode()).hexdigest()
    assert ask(briefly, person, provider, account, refused_token_hash=refused).json()["token"] != first


def test_a_grant_that_has_ended_asks_for_a_reconnect_which_heals_it(
    briefly: Briefly, person: Client, provider: AtProvider
) -> None:
    account = connected(person, provider)
    provider.control(briefly, "POST", "revoke", {"user": provider.email})
    briefly.move_clock(EXPIRY)
    assert problem(ask(briefly, person, provider, account)) == (409, "reconnect-required")
    ill = person.get(f"/accounts/{account}")
    assert (ill["health"], ill["health_reason"].startswith(provider.ended)) == ("needs_reconnect", True)
    assert connected(person, provider) == account
    healed = person.get(f"/accounts/{account}")
    assert (healed["health"], healed["health_reason"]) == ("ok", None)
    assert ask(briefly, person, provider, account).status_code == 200


ILLNESSES = [
    {"kind": "error", "status": 503},
    {"kind": "error", "status": 429, "retry_after": 3600},
    {"kind": "truncate"},
    # Holds the connection for a moment, and closes it without a word.
    {"kind": "hang", "delay": 0.05},
]


@pytest.mark.parametrize("illnesses", [ILLNESSES, pytest.param([{"kind": "hang"}], marks=pytest.mark.long)], ids=len)
def test_a_provider_that_is_ill_is_no_reason_to_reconnect(
    briefly: Briefly, person: Client, provider: AtProvider, illnesses: list[dict[str, Any]]
) -> None:
    account = connected(person, provider)
    for illness in illnesses:
        briefly.move_clock(EXPIRY)
        with failing(briefly, provider, **illness):
            assert problem(ask(briefly, person, provider, account)) == (502, "provider-busy"), illness
        left_alone = person.get(f"/accounts/{account}")
        assert left_alone["health"] == "throttled"
        pause = datetime.fromisoformat(left_alone["throttled_until"]) - clock.now()
        assert (pause > timedelta(minutes=59)) == ("retry_after" in illness)
        briefly.move_clock(pause.total_seconds() + 1)
        assert person.get(f"/accounts/{account}")["health"] == "ok"
        assert ask(briefly, person, provider, account).status_code == 200, illness


def test_who_connects_while_the_provider_is_ill_is_told_so(
    briefly: Briefly, person: Client, provider: AtProvider
) -> None:
    taken = person.consent_at(provider.name, provider.email)
    with failing(briefly, provider, kind="truncate"):
        assert finish(person, taken, 502)["type"] == "urn:briefly:problem:provider-busy"
    assert person.get("/accounts/")["accounts"] == []


def test_a_scope_that_was_not_granted_is_named(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    with consenting(briefly, provider, scopes=[provider.calendar_scope]):
        account = connected(person, provider)
    refused = ask(briefly, person, provider, account)
    assert problem(refused) == (403, "consent-required")
    assert refused.json()["missing_scopes"] == [provider.mail_scope]


def test_nothing_that_the_vault_keeps_shows_a_token(briefly: Briefly, person: Client, provider: AtProvider) -> None:
    account = connected(person, provider)
    token = ask(briefly, person, provider, account).json()["token"]
    vault = firestore.Client(project="briefly-local", database="vault")
    stored = vault.document(f"users/{person.user}/sealed_tokens/{account}").get().to_dict()
    assert stored
    assert token.encode() not in stored["sealed"]


def test_disconnecting_forgets_and_says_whether_the_provider_revoked(
    briefly: Briefly, person: Client, provider: AtProvider
) -> None:
    account = person.connect(provider.name, provider.other_email)
    answer = person.call("DELETE", f"/accounts/{account}", sensitive=True)
    assert (answer.status_code, answer.json()) == (
        200,
        {"revoked_at_provider": provider.revokes, "finishes_later": False},
    )
    assert person.get(f"/accounts/{account}", 404)["type"] == "urn:briefly:problem:not-found"
    assert ask(briefly, person, provider, account).status_code == 404
    vault = firestore.Client(project="briefly-local", database="vault")
    assert not vault.document(f"users/{person.user}/sealed_tokens/{account}").get().exists
