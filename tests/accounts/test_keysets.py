"""Instances agree on a person's keyset, even when one of them has shredded it and made another."""

import hashlib
import json

import pytest

from lib.accounts.vault import keysets, store
from lib.accounts.vault.store import StoredKeyset
from lib.core import ids, keys
from lib.core.errors import NotFound
from tests.accounts.conftest import Person
from tests.accounts.provider import SCOPE, OwnProvider
from tests.briefly import Briefly


def elsewhere(briefly: Briefly, person: Person, account: str) -> str:
    """A token of the account, as an instance hands it out that knows nothing yet of the person."""
    wish = {"account_id": account, "purpose": "a test", "scopes": [SCOPE]}
    answer = briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def shred_elsewhere(person: Person) -> None:
    """End the person's keyset without this process knowing."""
    kept = keysets.of(person.user)
    store.erase(person.user, ids.new("rcp"))
    assert keysets.of(person.user) is kept


def test_a_keyset_is_made_once_and_unwrapped_once(own: Person) -> None:
    assert keysets.of(own.user) is None
    made = keysets.stored_or_new(own.user)
    assert keysets.stored_or_new(own.user) is keysets.stored(own.user) is keysets.of(own.user) is made


def test_what_is_sealed_after_a_shredding_elsewhere_can_be_opened_there(briefly: Briefly, own: Person) -> None:
    own.connect()
    shred_elsewhere(own)
    account = own.connect().account_id
    assert elsewhere(briefly, own, account) == own.token(account)


def test_what_another_instance_sealed_with_a_newer_keyset_is_opened(own: Person) -> None:
    account = own.connect().account_id
    found = store.read(own.user, account)
    assert found
    shred_elsewhere(own)
    newer = keys.new_keyset()
    wrapped = newer.wrap(f"briefly/keyset/{own.user}")
    made = StoredKeyset(wrapped=wrapped.data, kek_version=wrapped.kek_version, primary=newer.primary)
    assert store.create_keyset(own.user, made)
    text = json.dumps({"access": "access-anew", "refresh": "refresh-anew"}).encode()
    sealed = newer.seal(text, store.association(own.user, account))
    store.replace(own.user, account, found[0].model_copy(update={"sealed": sealed}))
    assert own.token(account) == "access-anew"


def test_a_refresh_makes_no_keyset_for_whom_there_is_none_any_more(own: Person) -> None:
    account = own.connect().account_id
    refused = hashlib.sha256(own.token(account).encode()).hexdigest()
    with pytest.raises(NotFound):
        own.token(account, OwnProvider(meanwhile=lambda: store.erase(own.user, ids.new("rcp"))), refused)
    assert store.keyset(own.user) is None
