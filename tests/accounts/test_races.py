"""What the vault does when something happens between two of its steps, and when a provider answers badly."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from lib.accounts import store as account_store
from lib.accounts.errors import ProviderBusy
from lib.accounts.models import Health
from lib.accounts.store import GrantState
from lib.accounts.vault import store
from lib.core import clock, ids
from lib.core.errors import PersonDeleted, ReconnectRequired
from lib.lifecycle import store as lifecycle
from lib.usage import deletion
from tests.accounts.conftest import Person
from tests.accounts.provider import ENDED, SCOPE, OwnProvider
from tests.briefly import PATIENCE_SECONDS, Briefly
from tests.kept import everything

SHORT = timedelta(minutes=4)
"""Good still, but for so short a time that it is refreshed."""


def test_a_grant_that_ends_while_another_consent_is_stored_has_not_ended(own: Person) -> None:
    account = own.connect(lifetime=SHORT).account_id
    again = OwnProvider()
    token = own.token(account, OwnProvider(meanwhile=lambda: own.connect(again), failure=ENDED))
    assert token.startswith(f"access-{id(again)}-")
    assert own.account(account).health is Health.OK


def test_an_end_shows_in_the_account_even_if_whoever_learned_of_it_died(own: Person) -> None:
    account = own.connect().account_id
    found = store.read(own.user, account)
    assert found
    assert store.change(found[1], ended_because="revoked")
    with pytest.raises(ReconnectRequired):
        own.token(account)
    assert (own.account(account).health, own.account(account).health_reason) == (Health.NEEDS_RECONNECT, "revoked")


def test_the_end_of_an_earlier_consent_says_nothing_of_a_later_one(own: Person) -> None:
    first, second = own.connect(), own.connect()
    ended = GrantState("revoked", [SCOPE], None, None)
    account_store.show_state(own.user, first.account_id, first.consented_at, ended)
    assert own.account(first.account_id).health is Health.OK
    account_store.show_state(own.user, first.account_id, second.consented_at, ended)
    assert own.account(first.account_id).health is Health.NEEDS_RECONNECT


def test_a_lease_from_before_another_consent_is_told_from_one_after_it(own: Person) -> None:
    generations = []
    for _ in range(3):
        account = own.connect().account_id
        found = store.read(own.user, account)
        assert found
        generations.append(found[0].generation)
        assert store.change(found[1], generation=found[0].generation + 1)
    assert generations == [0, 2, 4]


def test_a_token_serves_to_its_last_minute_while_the_provider_is_down(own: Person) -> None:
    account = own.connect(lifetime=SHORT).account_id
    down = OwnProvider(failure=ProviderBusy())
    tokens = [own.token(account, down) for _ in range(2)]
    assert len(set(tokens)) == 1
    assert down.asked == ["refresh"]
    refused = hashlib.sha256(tokens[0].encode()).hexdigest()
    with pytest.raises(ProviderBusy):
        own.token(account, down, refused)


def test_a_token_that_has_expired_serves_nobody(own: Person) -> None:
    account = own.connect(lifetime=timedelta(0)).account_id
    with pytest.raises(ProviderBusy):
        own.token(account, OwnProvider(failure=ProviderBusy()))


def test_nobody_waits_for_anothers_refresh_while_the_token_is_good(own: Person) -> None:
    account = own.connect(lifetime=SHORT).account_id
    found = store.read(own.user, account)
    assert found
    assert store.change(found[1], lease_until=clock.now() + timedelta(hours=1))
    idle = OwnProvider()
    assert own.token(account, idle)
    assert idle.asked == []


def test_nobody_waits_for_a_slow_refresh_in_the_same_process_while_the_token_is_good(own: Person) -> None:
    account = own.connect(lifetime=SHORT).account_id
    asked, answered = Event(), Event()

    def answer_late() -> None:
        asked.set()
        assert answered.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(own.token, account, OwnProvider(meanwhile=answer_late))
            assert asked.wait(PATIENCE_SECONDS)
            second = pool.submit(own.token, account).result(PATIENCE_SECONDS / 2)
        finally:
            answered.set()
        assert first.result() != second


def test_a_deleted_person_connects_nothing(own: Person) -> None:
    lifecycle.mark_deleted(own.user, ids.new("era"), clock.now())
    provider = OwnProvider()
    with pytest.raises(PersonDeleted):
        own.connect(provider)
    assert provider.asked == []
    assert everything(own.user) == {}


def test_what_is_connected_while_the_person_is_deleted_is_revoked_and_forgotten(own: Person) -> None:
    provider = OwnProvider(meanwhile=lambda: lifecycle.mark_deleted(own.user, ids.new("era"), clock.now()))
    with pytest.raises(PersonDeleted):
        own.connect(provider)
    assert len(provider.revoked) == 1
    assert everything(own.user) == {}


def test_a_deleted_person_gets_no_token(briefly: Briefly, own: Person) -> None:
    account = own.connect().account_id
    lifecycle.mark_deleted(own.user, ids.new("era"), clock.now())
    briefly.move_clock(deletion.KEPT.total_seconds())
    with pytest.raises(PersonDeleted):
        own.token(account)
    assert own.record()[-1] == ("hand-out", "refused: PersonDeleted")
