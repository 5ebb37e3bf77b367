"""A person allows what is needed step by step, at every provider in the same way, and learns where to allow more."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from tests.briefly import Briefly, Client, sent_back
from tests.contract.providers import PROVIDERS, AtProvider

SEEDS = count(25_001)
NOBODYS = "acc_" + "0" * 24


@pytest.fixture(params=PROVIDERS, ids=str)
def provider(request: pytest.FixtureRequest) -> AtProvider:
    assert isinstance(request.param, AtProvider)
    return request.param


@dataclass(frozen=True)
class Mailbox:
    """Somebody who has allowed to read mail, and no more."""

    person: Client
    email: str
    account: str

    def shown(self) -> dict[str, Any]:
        return dict(self.person.get(f"/accounts/{self.account}"))


@pytest.fixture
def mailbox(briefly: Briefly, provider: AtProvider) -> Mailbox:
    person, email = briefly.sign_up(), briefly.unseen_mailbox(next(SEEDS), provider.name)
    return Mailbox(person, email, person.connect(provider.name, email, capabilities=["mail_read"]))


def asked_scopes(authorize_url: str) -> set[str]:
    return set(dict(parse_qsl(urlsplit(authorize_url).query))["scope"].split())


def test_only_what_was_wanted_is_asked_for_and_allowed(mailbox: Mailbox, provider: AtProvider) -> None:
    asked = asked_scopes(mailbox.person.begin_connecting(provider.name, mailbox.email, capabilities=["mail_read"]))
    assert provider.mail_scope in asked
    assert provider.calendar_scope not in asked
    assert mailbox.shown()["capabilities"] == ["mail_read"]
    assert mailbox.person.get("/mail/?limit=5")["errors"] == []


def test_a_list_says_which_account_does_not_allow_it_and_shows_the_others(
    briefly: Briefly, mailbox: Mailbox, provider: AtProvider
) -> None:
    other = mailbox.person.connect(provider.name, provider.other_email)
    page = mailbox.person.get("/events/?start=2026-01-01T00:00:00Z&end=2026-12-31T00:00:00Z")
    (error,) = page["errors"]
    assert (error["account_id"], error["type"]) == (mailbox.account, "urn:briefly:problem:consent-required")
    expected = urlencode({"account_id": mailbox.account, "capabilities": "calendar_read"})
    assert error["grant_url"] == f"{briefly.state.origin}/api/accounts/connect/{provider.name}?{expected}"
    assert {calendar["account_id"] for calendar in mailbox.person.get("/events/calendars")["calendars"]} == {other}


def test_the_page_that_a_problem_names_adds_what_was_missing_to_the_same_account(
    briefly: Briefly, mailbox: Mailbox
) -> None:
    (error,) = mailbox.person.get("/events/")["errors"]
    browser = requests.Session()
    browser.post(f"{briefly.state.origin}/api/login", json={"user": mailbox.person.user}, timeout=20)
    begun = browser.get(error["grant_url"], allow_redirects=False, timeout=20)
    returned = requests.get(begun.headers["Location"], allow_redirects=False, timeout=20)
    before = mailbox.shown()
    finished = browser.get(returned.headers["Location"], timeout=20)
    assert finished.status_code == 200, finished.text
    assert finished.json()["id"] == mailbox.account
    after = mailbox.shown()
    assert after["capabilities"] == ["mail_read", "calendar_read"]
    assert after["connected_at"] == before["connected_at"]
    assert after["consented_at"] > before["consented_at"]
    assert mailbox.person.get("/mail/?limit=5")["errors"] == mailbox.person.get("/events/")["errors"] == []


def test_connecting_again_asks_for_what_the_account_allowed(mailbox: Mailbox, provider: AtProvider) -> None:
    person = mailbox.person
    again = person.begin_connecting(provider.name, "", login_hint=None, account_id=mailbox.account)
    asked = asked_scopes(again)
    assert (provider.mail_scope in asked, provider.calendar_scope in asked) == (True, False)
    assert dict(parse_qsl(urlsplit(again).query))["login_hint"] == mailbox.email


def test_another_account_than_the_one_that_was_to_be_changed_is_refused_and_not_connected(
    mailbox: Mailbox, provider: AtProvider
) -> None:
    person, before = mailbox.person, mailbox.shown()
    begun = urlsplit(person.begin_connecting(provider.name, "", account_id=mailbox.account))
    chosen = dict(parse_qsl(begun.query)) | {"login_hint": provider.other_email}
    query = sent_back(begun._replace(query=urlencode(chosen)).geturl())
    taken = {name: query[name] for name in ("state", "code", "iss") if name in query}
    refused = person.post("/accounts/connections/finish", taken, 409, sensitive=True)
    assert refused["type"] == "urn:briefly:problem:other-account"
    assert person.get("/accounts/")["accounts"] == [before]
    assert person.get("/mail/?limit=5")["errors"] == []


def test_nobody_adds_to_an_account_of_others_or_of_another_provider(
    briefly: Briefly, mailbox: Mailbox, provider: AtProvider
) -> None:
    (elsewhere,) = [other.name for other in PROVIDERS if other is not provider]
    redirect = briefly.state.endpoints.redirect_url
    for person, at, account in (
        (briefly.sign_up(), provider.name, mailbox.account),
        (mailbox.person, provider.name, NOBODYS),
        (mailbox.person, elsewhere, mailbox.account),
    ):
        wish = {"provider": at, "redirect_url": redirect(at), "account_id": account}
        person.post("/accounts/connections", wish, 404)


@pytest.mark.parametrize("capabilities", [[], ["everything"], ["mail_read", 7]], ids=str)
def test_what_is_no_capability_is_not_asked_for(
    briefly: Briefly, mailbox: Mailbox, provider: AtProvider, capabilities: list[object]
) -> None:
    redirect = briefly.state.endpoints.redirect_url(provider.name)
    wish = {"provider": provider.name, "redirect_url": redirect, "capabilities": capabilities}
    mailbox.person.post("/accounts/connections", wish, 422)
