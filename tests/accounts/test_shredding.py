"""Disconnecting ends an account whatever is wrong with its tokens, but not what was connected anew meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest

from lib.accounts import store as account_store
from lib.accounts.errors import ProviderBusy
from lib.accounts.models import Provider, ShredRequest
from lib.accounts.vault import keysets, revoking, shredding, store
from lib.core.errors import DeadlineExceeded
from lib.core.store import Database, UserId, person
from tests.accounts.conftest import Person
from tests.accounts.provider import OwnProvider
from tests.kept import everything


def _lose_keyset(user: UserId, _: str) -> None:
    _keyset(user).delete()


def _break_keyset(user: UserId, _: str) -> None:
    _keyset(user).update({"wrapped": b"\x01not what KMS wrapped"})


def _age_keyset(user: UserId, _: str) -> None:
    _keyset(user).update({"wrapped": b"\x00of an unknown version"})


def _break_tokens(user: UserId, account_id: str) -> None:
    found = store.read(user, account_id)
    assert found
    assert store.change(found[1], sealed=found[0].sealed[:-1])


def _keyset(user: UserId) -> Any:
    return person(user, Database.VAULT).collection("keysets").document("current")


@pytest.mark.parametrize("harm", [_lose_keyset, _break_keyset, _age_keyset, _break_tokens])
def test_an_account_whose_tokens_nobody_can_read_is_forgotten(own: Person, harm: Callable[[UserId, str], None]) -> None:
    account = own.connect().account_id
    harm(own.user, account)
    keysets.forget(own.user)
    assert not own.disconnect(account, OwnProvider()).revoked_at_provider
    assert store.read(own.user, account) is None
    assert own.record()[-2:] == [("shred", "begun"), ("shred", "forgotten, not revoked")]


@pytest.mark.parametrize("failure", [ProviderBusy(), DeadlineExceeded()], ids=lambda failure: type(failure).__name__)
def test_an_account_whose_provider_does_not_answer_is_forgotten(own: Person, failure: Exception) -> None:
    account = own.connect().account_id
    assert not own.disconnect(account, OwnProvider(failure=failure)).revoked_at_provider
    assert store.read(own.user, account) is None


def test_what_is_connected_again_before_it_is_set_aside_stays(own: Person) -> None:
    account, again = own.connect().account_id, OwnProvider()
    found = store.read(own.user, account)
    assert found
    set_aside = revoking.pending(own.user, account, Provider.GOOGLE, "a refresh token", "a test")
    own.connect(again)
    assert not store.set_aside(found[1], own.user, account, set_aside)
    assert store.pending(own.user, account) is None
    assert own.token(account).startswith(f"access-{id(again)}-")


def test_an_account_that_is_connected_again_after_its_shredding_stays(own: Person) -> None:
    before = own.account(own.connect().account_id)
    own.disconnect(before.id, OwnProvider())
    own.connect()
    assert not account_store.forget(own.user, before)
    assert account_store.forget(own.user, own.account(before.id))
    assert account_store.account(own.user, before.id) is None


def test_what_is_refreshed_meanwhile_is_forgotten_all_the_same(own: Person) -> None:
    account = own.connect().account_id

    found = store.read(own.user, account)
    assert found
    assert store.change(found[1], generation=found[0].generation + 1)
    assert shredding._set_aside(own.user, ShredRequest(account_id=account, purpose="a test"), *found)
    assert store.read(own.user, account) is None


def test_what_is_about_to_happen_is_on_record_before_it_does(own: Person) -> None:
    seen: list[tuple[str, str]] = []
    watched = OwnProvider(meanwhile=lambda: seen.append(own.record()[-1]))
    account = own.connect(watched).account_id
    own.disconnect(account, watched)
    assert seen == [("exchange", "begun"), ("shred", "forgotten")]
    assert own.record() == [
        ("exchange", "begun"),
        ("exchange", "kept"),
        ("shred", "begun"),
        ("shred", "forgotten"),
        ("revoke", "revoked"),
    ]


def test_a_consent_that_fails_is_on_record(own: Person) -> None:
    with pytest.raises(ProviderBusy):
        own.connect(OwnProvider(failure=ProviderBusy()))
    assert own.record() == [("exchange", "begun"), ("exchange", "failed: ProviderBusy")]
    assert everything(own.user) == {}
