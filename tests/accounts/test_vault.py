"""The vault: one refresh for all who ask, reconnect when the grant has ended, every hand-out on record."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.cloud import firestore

from tests.accounts.conftest import audit_entries
from tests.briefly import ADA, Briefly, Client

GMAIL = "https://www.googleapis.com/auth/gmail.readonly"


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


@pytest.fixture
def expired(briefly: Briefly) -> Iterator[None]:
    """An hour passes while the test runs, so that every access token ends."""
    yield
    briefly.control("google", "DELETE", "faults")


def ask(briefly: Briefly, person: Client, account: str, caller: str = "mail", **changes: Any) -> Any:
    wish = {"account_id": account, "purpose": "a test", "scopes": [GMAIL]} | changes
    return briefly.as_function(caller, "tokens", "/access-tokens", person.user, wish)


def test_twenty_callers_over_two_processes_make_one_refresh(briefly: Briefly, person: Client) -> None:
    mailbox = briefly.unseen_mailbox(78)
    account = person.connect_google(mailbox)
    briefly.control("runner", "PUT", "functions/tokens", {"instances": 2})
    first = ask(briefly, person, account).json()["token"]
    briefly.move_clock(3600)
    briefly.control("google", "DELETE", "refreshes")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(briefly, person, account), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    tokens = {answer.json()["token"] for answer in answers}
    assert len(tokens) == 1
    assert first not in tokens
    assert briefly.control("google", "GET", "refreshes")["refreshes"][mailbox] == 1


def test_a_token_that_the_provider_refused_is_replaced(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    first = ask(briefly, person, account).json()["token"]
    refused = hashlib.sha256(first.encode()).hexdigest()
    assert ask(briefly, person, account, refused_token_hash=refused).json()["token"] != first


def test_a_grant_that_has_ended_asks_for_a_reconnect_which_heals_it(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    briefly.control("google", "POST", "revoke", {"user": ADA})
    briefly.move_clock(3600)
    refused = ask(briefly, person, account)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:briefly:problem:reconnect-required"
    assert person.get(f"/accounts/{account}")["health"] == "needs_reconnect"
    assert person.connect_google() == account
    assert person.get(f"/accounts/{account}")["health"] == "ok"
    assert ask(briefly, person, account).status_code == 200


def test_a_provider_that_fails_is_no_reason_to_reconnect(briefly: Briefly, person: Client, expired: None) -> None:
    account = person.connect_google()
    briefly.move_clock(3600)
    fault = {"match": {"path_prefix": "/token"}, "kind": "error", "status": 503, "times": 1}
    briefly.control("google", "POST", "faults", fault)
    assert ask(briefly, person, account).status_code == 502
    assert person.get(f"/accounts/{account}")["health"] == "ok"
    briefly.move_clock(2)
    assert ask(briefly, person, account).status_code == 200


def test_a_scope_that_was_not_granted_is_named(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    refused = ask(briefly, person, account, scopes=["https://www.googleapis.com/auth/drive"])
    assert refused.status_code == 403
    assert refused.json()["missing_scopes"] == ["https://www.googleapis.com/auth/drive"]


def test_another_persons_account_is_as_absent_as_one_that_never_was(briefly: Briefly, person: Client) -> None:
    account, other = person.connect_google(), briefly.sign_up()
    refused = ask(briefly, other, account)
    absent = ask(briefly, other, "acc_" + "0" * 24)
    assert refused.status_code == absent.status_code == 404
    assert refused.json()["detail"] == absent.json()["detail"]


@pytest.mark.parametrize("caller", ["chat", "users", "gateway", "webhooks"])
def test_only_the_callers_of_the_catalogue_are_admitted(briefly: Briefly, person: Client, caller: str) -> None:
    assert ask(briefly, person, "acc_" + "0" * 24, caller).status_code == 403


def test_every_hand_out_and_refusal_is_on_record_without_the_token(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    token = ask(briefly, person, account).json()["token"]
    ask(briefly, person, account, scopes=["https://www.googleapis.com/auth/drive"])
    entries = audit_entries(person.user)
    assert [(entry["action"], entry["outcome"]) for entry in entries] == [
        ("exchange", "begun"),
        ("exchange", "kept"),
        ("hand-out", "handed out"),
        ("hand-out", "refused: Forbidden"),
    ]
    assert entries[2]["caller"].startswith("mail@")
    assert token not in str(entries)


def test_what_a_token_is_for_is_on_record_for_each_purpose_once(person: Client) -> None:
    person.connect_google()
    for path in ("/mail/?limit=1", "/mail/labels", "/mail/labels", "/events/?limit=1", "/events/calendars"):
        person.get(path)
    handed_out = [entry["purpose"] for entry in audit_entries(person.user) if entry["action"] == "hand-out"]
    assert handed_out == ["list mail", "list labels", "list events", "list calendars"]


def test_nothing_that_the_vault_keeps_shows_a_token(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    token = ask(briefly, person, account).json()["token"]
    vault = firestore.Client(project="briefly-local", database="vault")
    stored = vault.document(f"users/{person.user}/sealed_tokens/{account}").get().to_dict()
    assert stored
    assert token.encode() not in stored["sealed"]
