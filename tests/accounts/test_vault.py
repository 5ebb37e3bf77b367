"""The vault's door: who may ask and for whom, and that every hand-out is on record."""

from typing import Any

import pytest

from lib.accounts.errors import ProviderBusy
from lib.core.errors import Problem
from scripts.local.project import service_account
from tests.accounts.conftest import Person
from tests.accounts.provider import ENDED, HOUR, OwnProvider
from tests.briefly import Briefly, Client
from tests.kept import audit_entries

GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
CALENDAR = "https://www.googleapis.com/auth/calendar.readonly"


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def ask(briefly: Briefly, person: Client, account: str, caller: str = "mail", **changes: Any) -> Any:
    wish = {"account_id": account, "purpose": "read mail", "scopes": [GMAIL]} | changes
    return briefly.as_function(caller, "tokens", "/access-tokens", person.user, wish)


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
    assert entries[2]["caller"] == service_account("mail")
    assert token not in str(entries)


@pytest.mark.parametrize(
    ("failure", "refused"), [(ENDED, "ReconnectRequired"), (ProviderBusy(), "ProviderBusy")], ids=["ended", "busy"]
)
def test_a_refresh_that_fails_is_on_record(own: Person, failure: Exception, refused: str) -> None:
    account = own.connect(lifetime=-HOUR).account_id
    with pytest.raises(Problem):
        own.token(account, OwnProvider(failure=failure))
    failed = ("refresh", f"failed: {type(failure).__name__}")
    assert own.record()[2:] == [failed, ("hand-out", f"refused: {refused}")]


def test_what_a_token_is_for_is_on_record_for_each_purpose_once(person: Client) -> None:
    person.connect_google()
    for path in ("/mail/?limit=1", "/mail/labels", "/mail/labels", "/events/?limit=1", "/events/calendars"):
        person.get(path)
    handed_out = [entry["purpose"] for entry in audit_entries(person.user) if entry["action"] == "hand-out"]
    assert handed_out == ["list mail", "list labels", "list events", "list calendars"]


@pytest.mark.parametrize(
    ("caller", "scopes"),
    [
        ("mail", [CALENDAR]),
        ("mail", [GMAIL, CALENDAR]),
        ("events", [GMAIL]),
        ("mail", ["openid"]),
        ("mail", ["https://www.googleapis.com/auth/gmail.send"]),
        ("accounts", [GMAIL]),
        ("on-person", [GMAIL]),
    ],
)
def test_nobody_is_handed_what_the_catalogue_does_not_say_of_them_and_that_is_on_record(
    briefly: Briefly, person: Client, caller: str, scopes: list[str]
) -> None:
    account = person.connect_google()
    assert ask(briefly, person, account, caller, scopes=scopes).status_code == 403
    entry = audit_entries(person.user)[-1]
    assert (entry["caller"], entry["outcome"]) == (service_account(caller), "refused: Forbidden")


def test_tasks_are_handed_nothing(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    for path in ("/access-tokens", "/exchanges", "/shreddings", "/erasures"):
        wish = {"account_id": account, "purpose": "read mail", "scopes": [GMAIL]}
        assert briefly.as_function("tasks-invoker", "tokens", path, person.user, wish).status_code == 403
    assert person.get("/mail/labels")["errors"] == []


def test_only_tasks_have_tokens_refreshed_revoked_and_looked_for(briefly: Briefly, person: Client) -> None:
    account = person.connect_google()
    for path in ("/refreshes", "/revocations"):
        assert briefly.as_function("mail", "tokens", path, person.user, {"account_id": account}).status_code == 403
    for path in ("/sweeps/refreshes", "/sweeps/revocations"):
        assert briefly.as_function("mail", "tokens", path, person.user, {}).status_code == 403


@pytest.mark.parametrize("changes", [{"purpose": "curiosity"}, {"purpose": ""}, {"scopes": []}], ids=str)
def test_a_hand_out_needs_a_purpose_of_the_list_and_a_scope(
    briefly: Briefly, person: Client, changes: dict[str, Any]
) -> None:
    assert ask(briefly, person, "acc_" + "0" * 24, **changes).status_code == 422
