"""A token is handed out for the least scope that does, whatever else was granted."""

from collections.abc import Iterator

import pytest

from lib.accounts.errors import ConsentRequired
from lib.accounts.models import Capability, Provider
from lib.accounts.vault import allowance
from lib.accounts.vault.allowance import HandOutSettings
from lib.core.errors import Forbidden
from scripts.local import catalog
from tests.accounts.answering import configured

READ, WRITE = "Mail.Read", "Mail.ReadWrite"
ACCOUNT = "acc_" + "0" * 24
READER, CHANGER = "reader", "changer"


@pytest.fixture(autouse=True)
def hands_out() -> Iterator[None]:
    both = [Capability.MAIL_READ, Capability.MAIL_CHANGE]
    with configured(HandOutSettings(hands_out={READER: [Capability.MAIL_READ], CHANGER: both})):
        yield


def check(caller: str, scopes: list[str], granted: list[str]) -> None:
    asked_for = allowance.check_caller(caller, Provider.MICROSOFT, scopes)
    allowance.check_scopes(Provider.MICROSOFT, ACCOUNT, asked_for, scopes, granted)


@pytest.mark.parametrize(
    ("caller", "scope", "granted"),
    [
        (READER, READ, [READ]),
        (READER, READ, [READ, WRITE]),
        (READER, WRITE, [WRITE]),
        (CHANGER, WRITE, [READ, WRITE]),
        (CHANGER, READ, [READ, WRITE]),
        # What the account shows may be older than what was granted since.
        (READER, READ, [WRITE]),
    ],
)
def test_the_least_scope_is_handed_out(caller: str, scope: str, granted: list[str]) -> None:
    check(caller, [scope], granted)


@pytest.mark.parametrize(
    ("caller", "scope", "granted"),
    [
        (READER, WRITE, [READ, WRITE]),
        (READER, "Mail.Send", ["Mail.Send"]),
        # Who may not be handed it does not learn either whether it was granted.
        (READER, "Mail.Send", [READ]),
        ("somebody", READ, [READ]),
        ("somebody", READ, []),
    ],
)
def test_more_than_the_least_is_refused(caller: str, scope: str, granted: list[str]) -> None:
    with pytest.raises(Forbidden) as refused:
        check(caller, [scope], granted)
    assert not isinstance(refused.value, ConsentRequired)


@pytest.mark.parametrize(
    ("caller", "scope", "missing"), [(READER, READ, ["mail_read"]), (CHANGER, WRITE, ["mail_change"])]
)
def test_what_was_not_granted_is_named_by_capability(caller: str, scope: str, missing: list[str]) -> None:
    with pytest.raises(ConsentRequired) as refused:
        check(caller, [scope], ["Calendars.Read"] if caller == READER else [READ])
    assert refused.value.members["capabilities"] == missing


def test_the_catalogue_names_capabilities_that_there_are() -> None:
    handed = catalog.load().functions["tokens"].hands_out
    assert {name for names in handed.values() for name in names} <= {capability.value for capability in Capability}
    assert "accounts" not in handed
