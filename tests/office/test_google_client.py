"""The client under a provider's bad days: refused tokens, missing scopes, quotas, failures, silence."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import quote

import pytest

from lib.accounts.models import Account
from lib.core import breaker, deadline, settings
from lib.core.errors import (
    DeadlineExceeded,
    Forbidden,
    ProviderFailed,
    ReconnectRequired,
    Unavailable,
)
from lib.office import events, mail
from lib.office.errors import ProviderThrottled
from lib.office.google.client import GMAIL
from lib.office.google.settings import GoogleApiSettings
from lib.office.quota import Lane, QuotaLedger
from tests.office.conftest import READING, Office
from tests.office.rig import OWNER

GMAIL_PATH, BATCH_PATH = "/gmail/v1/", "/batch/gmail/v1"


@pytest.fixture
def first(office: Office) -> Account:
    return office.accounts[0]


@pytest.fixture
def quota(office: Office) -> Iterator[Office]:
    """Google's own quota can be set in this test."""
    yield office
    office.control("POST", "quota", {"gmail_user": 10**6, "status": 403})


def labels(office: Office, account: Account) -> int:
    return len(office.mail(account).labels())


def test_the_methods_of_a_collection_are_built_once(office: Office, first: Account) -> None:
    """To build them takes milliseconds, and a batch names fifty."""
    mailbox, again = office.client(first, GMAIL).methods.users(), office.client(first, GMAIL).methods.users()
    assert again.messages() is mailbox.messages()
    assert again.messages().get(userId="me", id="1f").uri.endswith("/users/me/messages/1f?alt=json")


def test_a_refused_token_is_replaced_once_and_nobody_notices(office: Office, first: Account) -> None:
    assert labels(office, first)
    office.control("POST", "expire", {"what": "access_tokens"})
    assert labels(office, first)
    assert len(office.refused) == 1


def test_a_token_refused_within_a_batch_is_replaced_too(office: Office, first: Account) -> None:
    assert labels(office, first)
    office.control("POST", "expire", {"what": "access_tokens"})
    recent = office.mail(first).recent(mail.EVERYTHING, 3)
    assert len(recent.items) == 3
    assert len(office.refused) == 1


def test_an_account_whose_new_token_is_refused_too_has_to_be_connected_again(office: Office, first: Account) -> None:
    office.arm(GMAIL_PATH, "error", status=401, reason="authError", times=None)
    with pytest.raises(ReconnectRequired):
        labels(office, first)
    assert len(office.refused) == 1
    (error,) = mail.search(OWNER, sources=office.sources(first)).errors
    assert error.type == "urn:briefly:problem:reconnect-required"


def test_a_scope_that_was_never_granted_is_named_without_asking_google(office: Office, first: Account) -> None:
    account = first.model_copy(update={"scopes": [READING[1]]})
    with pytest.raises(Forbidden) as refused:
        labels(office, account)
    assert refused.value.members["missing_scopes"] == [READING[0]]
    assert office.calls() == []


def test_a_scope_that_google_misses_is_named(office: Office, first: Account) -> None:
    # The grant says one thing and the token another: as after the person took a scope back.
    office.handed_out.append(f"{first.id} {_narrow_token(office, first)}")
    with pytest.raises(Forbidden) as refused:
        labels(office, first)
    assert READING[0] in refused.value.members["missing_scopes"]


def _narrow_token(office: Office, account: Account) -> str:
    async def issue() -> str:
        return office.handle.google.grants.issue_access_token(account.email, (READING[1],), True).value

    return office.loop.run(issue())


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "rateLimitExceeded"), (403, "userRateLimitExceeded"), (403, "quotaExceeded"), (429, "rateLimitExceeded")],
)
def test_a_short_throttling_is_waited_out(office: Office, first: Account, status: int, reason: str) -> None:
    office.arm(GMAIL_PATH, "error", status=status, reason=reason, retry_after=0, times=1)
    assert labels(office, first)
    assert office.calls() == ["gmail.users.labels.list"] * 2


def test_a_long_throttling_is_told_with_its_time_and_google_is_left_alone(office: Office, first: Account) -> None:
    office.arm(GMAIL_PATH, "error", status=429, reason="rateLimitExceeded", retry_after=120, times=1)
    with pytest.raises(ProviderThrottled) as throttled:
        labels(office, first)
    assert throttled.value.headers["Retry-After"] == "120"
    with pytest.raises(ProviderThrottled):
        labels(office, first)
    assert len(office.calls()) == 1


def test_parts_of_a_batch_that_are_throttled_are_asked_again_alone(office: Office, first: Account) -> None:
    office.arm("/gmail/v1/users/me/messages/", "error", status=429, reason="rateLimitExceeded", retry_after=0, times=3)
    page = mail.search(OWNER, limit=10, sources=office.sources(first))
    assert (len(page.messages), page.errors) == (10, [])
    gets = [call for call in office.control("GET", "requests")["requests"] if call["batched"]]
    assert len(gets) == 14


def test_a_failure_in_passing_is_not_noticed(office: Office, first: Account) -> None:
    for kind in ("error", "truncate"):
        office.arm(GMAIL_PATH, kind, times=1)
        assert labels(office, first)


def test_a_failure_that_stays_is_one_of_the_provider(office: Office, first: Account) -> None:
    office.arm(GMAIL_PATH, "error", times=None)
    with pytest.raises(ProviderFailed):
        labels(office, first)
    assert len(office.calls()) <= 3


def test_the_quota_of_google_itself_is_understood(quota: Office, first: Account) -> None:
    quota.control("POST", "quota", {"gmail_user": 100})
    page = mail.search(OWNER, limit=20, sources=quota.sources(first))
    assert [error.type for error in page.errors] == ["urn:briefly:problem:provider-throttled"]
    assert page.next_cursor is not None
    quota.control("POST", "quota", {"gmail_user": 10**6})


def test_our_own_ledger_stops_before_google_does(office: Office, first: Account) -> None:
    ledger = QuotaLedger(units_per_minute=600)
    ledger.spend("a", 600)
    with pytest.raises(ProviderThrottled) as throttled:
        ledger.spend("a", 100)
    assert timedelta(seconds=9) < throttled.value.retry_after <= timedelta(seconds=10)
    ledger.spend("b", 600)


def test_background_work_leaves_half_of_the_quota_to_people() -> None:
    ledger = QuotaLedger(units_per_minute=600)
    ledger.spend("a", 300, Lane.BACKGROUND)
    with pytest.raises(ProviderThrottled):
        ledger.spend("a", 20, Lane.BACKGROUND)
    ledger.spend("a", 280, Lane.PEOPLE)


def test_a_page_spends_what_the_table_says(office: Office, first: Account) -> None:
    spent: list[int] = []

    class Recording(QuotaLedger):
        def spend(self, account_id: str, units: int, lane: Lane = Lane.PEOPLE) -> None:
            spent.append(units)

    ledger = Recording(1)
    office.safeguards = type(office.safeguards)(
        office.safeguards.breaker, office.safeguards.retries, lambda name, units: ledger
    )
    mail.search(OWNER, limit=10, sources=office.sources(first))
    assert spent == [5, 220]


def test_a_silent_google_costs_a_list_no_more_than_its_deadline(office: Office) -> None:
    silent, answering = office.accounts
    office.arm("/", "hang", user=silent.email, times=None)
    started = time.monotonic()
    with deadline.within(timedelta(seconds=1)):
        page = mail.search(OWNER, limit=5, sources=office.sources())
    assert time.monotonic() - started < 1.5
    assert [message.account_id for message in page.messages] == [answering.id] * 5
    assert [(error.account_id, error.type) for error in page.errors] == [
        (silent.id, "urn:briefly:problem:deadline-exceeded")
    ]
    office.control("DELETE", "faults")
    again = mail.search(OWNER, limit=5, cursor=page.next_cursor, sources=office.sources())
    assert silent.id in {message.account_id for message in again.messages}


def test_a_silent_google_costs_a_reading_no_more_than_its_deadline(office: Office, first: Account) -> None:
    office.arm("/", "hang", times=None)
    started = time.monotonic()
    with deadline.within(timedelta(seconds=1)), pytest.raises(DeadlineExceeded):
        labels(office, first)
    assert time.monotonic() - started < 1.5


def test_a_silent_calendar_costs_events_no_more_than_their_deadline(office: Office) -> None:
    office.arm("/calendar/v3/", "hang", user=office.accounts[0].email, times=None)
    started = time.monotonic()
    with deadline.within(timedelta(seconds=1)):
        page = events.between(OWNER, sources=office.sources())
    assert time.monotonic() - started < 1.5
    assert {event.account_id for event in page.events} <= {office.accounts[1].id}
    assert [error.account_id for error in page.errors] == [office.accounts[0].id]


def test_a_slow_google_is_waited_for(office: Office, first: Account) -> None:
    office.arm("/", "delay", delay=0.4, times=2)
    with deadline.within(timedelta(seconds=3)):
        assert len(mail.search(OWNER, limit=5, sources=office.sources(first)).messages) == 5


def test_a_dead_google_is_left_alone(office: Office, first: Account) -> None:
    office.arm("/", "error", times=None)
    for _ in range(breaker.FEWEST_FAILURES):
        with pytest.raises((ProviderFailed, Unavailable)):
            labels(office, first)
    reached = len(office.calls())
    for _ in range(40):
        with pytest.raises((ProviderFailed, Unavailable)):
            labels(office, first)
    assert len(office.calls()) - reached <= 12


def test_an_address_that_nobody_listens_on_is_a_failure_of_the_provider(office: Office, first: Account) -> None:
    settings._loaded[GoogleApiSettings] = GoogleApiSettings(google_api_endpoint="http://127.0.0.1:9")
    with pytest.raises(ProviderFailed):
        labels(office, first)


def test_many_threads_share_a_client(office: Office, first: Account) -> None:
    reader = office.mail(first)
    with ThreadPoolExecutor(16) as threads:
        counts = set(threads.map(lambda _: len(reader.page(mail.EVERYTHING, None, 5).items), range(48)))
    assert counts == {5}


def test_one_calendar_that_fails_leaves_the_others(office: Office, first: Account) -> None:
    other = next(each for each in office.people[first.email].calendars if not each.primary)
    office.arm(f"/calendar/v3/calendars/{quote(other.id, safe='')}", "error", times=None)
    page = events.between(OWNER, sources=office.sources(first))
    assert page.events
    assert [error.calendar_id is not None for error in page.errors] == [True]
