"""No switch of privacy is hollow: each is asked for by who does what it is about, on record when it is changed."""

import re
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.users import privacy
from lib.users.preferences import PrivacyControls, RetentionDays
from lib.users.privacy import Kept, Switch
from scripts.local.catalog import REPOSITORY
from scripts.local.project import service_account
from tests.briefly import Briefly, Client
from tests.kept import audit_entries
from tests.users.switches import SWITCHES, Awaited, Enforced

ASKING = {
    **{switch.value: f"Switch.{switch.name}" for switch in Switch},
    **{f"retention_days.{kept.value}": "privacy.retention" for kept in Kept},
    "chat.learn": "chat.learn",
}
"""What stands in the text of a module that asks."""


def asking(name: str) -> set[str]:
    """The modules that ask for a switch."""
    word = re.compile(rf"\b{re.escape(ASKING[name])}\b")
    modules = {path: path.read_text(encoding="utf-8") for path in (REPOSITORY / "lib").rglob("*.py")}
    return {str(path.relative_to(REPOSITORY)) for path, text in modules.items() if word.search(text)}


def test_every_switch_stands_in_the_table() -> None:
    fields = set(PrivacyControls.model_fields) - {"retention_days"}
    kept = set(RetentionDays.model_fields)
    assert fields == {switch.value for switch in Switch}
    assert kept == {one.value for one in Kept}
    assert set(SWITCHES) == fields | {f"retention_days.{one}" for one in kept} | {"chat.learn"}


@pytest.mark.parametrize("name", [name for name, row in SWITCHES.items() if not isinstance(row, Awaited)])
def test_who_does_what_a_switch_is_about_asks_for_it_and_a_test_shows_it(name: str) -> None:
    row = SWITCHES[name]
    assert not isinstance(row, Awaited)
    assert asking(name) == {one.module for one in row}
    assert [one.test for one in row if not shown(one)] == []


def shown(row: Enforced) -> bool:
    """Whether the test is there."""
    path, _, test = row.test.partition("::")
    return f"def {test}(" in (REPOSITORY / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name, row in SWITCHES.items() if isinstance(row, Awaited)])
def test_what_a_switch_is_about_is_not_built_before_it_asks(name: str) -> None:
    row = SWITCHES[name]
    assert isinstance(row, Awaited)
    assert asking(name) == set(), "who asks belongs in tests/users/switches.py, with the test that shows it"
    assert [path for path in row.paths if (REPOSITORY / Path(path)).exists()] == []


def entries(person: Client) -> list[dict[str, Any]]:
    """What the audit log has about the person's privacy, from the first to the last."""
    found = [one for one in audit_entries(person.user) if one["action"] == "privacy"]
    return sorted(found, key=lambda one: one["at"])


def test_what_may_be_done_with_a_persons_data_is_changed_on_record(briefly: Briefly) -> None:
    person = briefly.sign_up()
    change(person, {"theme": "dark", "signatures": {f"acc_{'0' * 24}": "Canary"}})
    assert entries(person) == []
    change(person, {"privacy": {"chat_reads_mail": False, "retention_days": {"conversations": 30}}})
    change(person, {"privacy": {"chat_reads_mail": False}})
    change(person, {"privacy": None})
    first, second = entries(person)
    assert first["purpose"] == second["purpose"] == "chat_reads_mail, retention_days.conversations"
    assert first["outcome"] == "chat_reads_mail: on -> off; retention_days.conversations: unset -> 30"
    assert second["outcome"] == "chat_reads_mail: off -> on; retention_days.conversations: 30 -> unset"
    assert {first["caller"], second["caller"]} == {service_account("gateway")}


def test_a_person_may_be_asked_for_by_who_has_no_preferences_at_hand(briefly: Briefly) -> None:
    person = briefly.sign_up()
    change(person, {"privacy": {"mail_is_tracked": True, "retention_days": {"usage_events": 90}}})
    controls = privacy.controls(UserId(person.user))
    assert privacy.allows(controls, Switch.MAIL_IS_TRACKED)
    assert privacy.retention(controls, Kept.CONVERSATIONS) is None
    lasting = privacy.retention(controls, Kept.USAGE_EVENTS)
    assert lasting is not None
    assert lasting.days == 90
    with pytest.raises(NotFound):
        privacy.controls(UserId("user_nobody"))


def test_nobodys_mail_is_tracked_unless_they_say_so() -> None:
    assert not privacy.allows(PrivacyControls(), Switch.MAIL_IS_TRACKED)


def change(person: Client, wish: dict[str, Any]) -> None:
    """Change preferences."""
    answer = person.call("PATCH", "/users/me/preferences", wish)
    assert answer.status_code == 200, answer.text
