"""The tour fails when an answer is wrong, and says what was expected and what came."""

import asyncio

import pytest

from lib.office.identifiers import encode
from scripts.local.browser import Unexpected
from scripts.local.known_sources import KnownSources, missing
from scripts.local.streamed_answer import Cited
from scripts.local.tour import _taken
from scripts.local.tour_report import Report

ACCOUNT = "acc_" + "0" * 24
OTHER_ACCOUNT = "acc_" + "1" * 24
KNOWN = KnownSources("Ada", "ada@gmail.example", "Europe/Berlin", ("ada@gmail.example", "choir"), ("e1", "e2"), ("m1",))
OUTLOOK = KnownSources("Ada", "ada@outlook.example", "Europe/Berlin", ("calendar",), ("e1",), ("m1",))
CONNECTED = {ACCOUNT: KNOWN}


def event(identifier: str, calendar: str = "choir", account: str = ACCOUNT) -> Cited:
    return Cited(encode(account, calendar, identifier), "event", "An event", "e1")


def mail(identifier: str) -> Cited:
    return Cited(encode(ACCOUNT, identifier), "mail", "A mail", "m1")


def test_an_answer_that_cites_all_that_is_right_is_accepted() -> None:
    right = [event("e1", "ada@gmail.example"), event("e2"), event("another day's"), mail("m1")]
    assert missing(right, CONNECTED) == []


@pytest.mark.parametrize(
    "sources",
    [
        [event("e1"), mail("m1")],
        [event("e1"), event("e2")],
        [event("e1"), event("e2"), mail("m1"), mail("m2")],
        [event("e1"), event("e2", account=OTHER_ACCOUNT), mail("m1")],
        [event("e1"), event("e2", "somebody's"), mail("m1")],
    ],
    ids=["an event lacks", "a mail lacks", "a mail too many", "of another account", "of another calendar"],
)
def test_an_answer_that_cites_something_else_is_not(sources: list[Cited]) -> None:
    assert len(missing(sources, CONNECTED)) == 1


def test_an_answer_about_one_of_two_accounts_lacks_what_the_other_holds() -> None:
    right = [event("e1"), event("e2"), mail("m1")]
    assert len(missing(right, {ACCOUNT: KNOWN, OTHER_ACCOUNT: OUTLOOK})) == 2


def test_a_failed_step_says_what_was_expected_and_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    async def step() -> str:
        raise Unexpected("The accounts", ["google"], [])

    assert not asyncio.run(_taken(Report(), "The account", step))
    printed = capsys.readouterr().out
    assert printed.startswith("✗ The account")
    assert "expected: ['google']" in printed
    assert "came:     []" in printed


def test_a_step_that_finds_another_form_fails_instead_of_breaking_the_tour() -> None:
    async def step() -> str:
        raise KeyError("csrf")

    assert not asyncio.run(_taken(Report(), "The account", step))
