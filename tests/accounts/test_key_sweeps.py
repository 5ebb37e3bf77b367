"""Keys are changed by schedules, through tasks for nobody's sake, and nobody else has them changed."""

from typing import Any

import pytest

from lib.accounts.vault import store
from lib.accounts.vault.epochs import store as epoch_store
from lib.core.store import UserId
from tests.accounts.conftest import audit_entries
from tests.accounts.sealed_person import make_due
from tests.briefly import Briefly, Client, eventually

READING_MAIL = "https://www.googleapis.com/auth/gmail.readonly"


def token(person: Client, account: str) -> str:
    wish = {"account_id": account, "purpose": "read mail", "scopes": [READING_MAIL]}
    answer = person.briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def test_a_keyset_that_is_due_is_rotated_by_the_schedule_and_the_account_serves_on(briefly: Briefly) -> None:
    person = briefly.sign_up()
    account = person.connect_google()
    before, user = token(person, account), UserId(person.user)
    make_due(user)
    found = store.keyset(user)
    assert found
    briefly.run_schedule("rotate-keysets")

    def is_rotated() -> bool:
        latest = store.keyset(user)
        return latest is not None and latest[0].primary != found[0].primary and not latest[0].older

    eventually(is_rotated)
    assert token(person, account) == before
    eventually(lambda: outcomes(person.user) == ["begun", "rotated"])


def outcomes(user: str) -> list[Any]:
    return [entry["outcome"] for entry in audit_entries(user) if entry["action"] == "key-rotation"]


def test_the_schedule_of_epochs_sets_the_date_of_the_first_one(briefly: Briefly) -> None:
    briefly.run_schedule("advance-epoch")
    found, _ = eventually(epoch_store.epoch)
    assert found.floor == 0


@pytest.mark.parametrize("sweep", ["rotations", "epochs"])
def test_nobody_but_a_task_has_keys_changed(briefly: Briefly, sweep: str) -> None:
    person = briefly.sign_up()
    refused = briefly.as_function("mail", "tokens", f"/sweeps/{sweep}", person.user, {})
    assert refused.status_code == 403
    assert briefly.as_function("tasks-invoker", "tokens", f"/sweeps/{sweep}", person.user, {}).status_code == 204


def test_a_task_for_nobodys_sake_is_handed_no_tokens(briefly: Briefly) -> None:
    person = briefly.sign_up()
    wish = {"account_id": person.connect_google(), "purpose": "read mail", "scopes": [READING_MAIL]}
    refused = briefly.as_function("tasks-invoker", "tokens", "/access-tokens", person.user, wish)
    assert refused.status_code == 403
