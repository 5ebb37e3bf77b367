"""A keyset gets another primary key and loses the older ones, whoever dies on the way, and all stays readable."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lib.accounts.models import Provider
from lib.accounts.vault import keysets, sealing, store
from lib.accounts.vault.sealing import Tokens
from lib.accounts.vault.store import KeyReplaced, SealedTokens
from lib.core import clock, keys
from lib.core.store import Database, person
from tests.accounts import vault_work
from tests.accounts.sealed_person import HOUR, Sealed, connect, connected, make_due
from tests.accounts.vault_world import VaultWorld


@pytest.fixture(scope="module")
def world(vault_apart: VaultWorld) -> Iterator[VaultWorld]:
    """A fresh vault, of which the test's own process is an instance too."""
    vault_apart.start_afresh()
    with vault_apart.here():
        yield vault_apart


def assert_rotated(sealed: Sealed, before: int) -> None:
    assert sealed.keyset.older == []
    assert sealed.keyset.primary != before
    assert sealed.keys_in_use() == {sealed.keyset.primary}
    assert sealed.keyset.rotation_due_at is not None
    assert sealed.keyset.rotation_due_at > clock.now() + timedelta(days=89)
    assert sealed.as_read_here() == sealed.tokens
    assert vault_work.tokens(sealed.user) == sealed.tokens


def primary(sealed: Sealed) -> int:
    assert sealed.keyset.primary is not None
    return sealed.keyset.primary


@pytest.mark.usefixtures("world")
def test_a_keyset_that_is_due_gets_another_key_and_nothing_is_left_of_the_older_one() -> None:
    sealed = connected()
    before, old = primary(sealed), keysets.of(sealed.user)
    assert vault_work.rotate(sealed.user)
    assert_rotated(sealed, before)
    assert old is not None
    (kept, *_) = store.all_of(sealed.user).values()
    with pytest.raises(keys.Unreadable):
        old.open(kept.sealed, store.association(sealed.user, "acc_0"))


@pytest.mark.usefixtures("world")
def test_a_keyset_that_is_not_due_stays_as_it_is() -> None:
    sealed = connected()
    vault_work.rotate(sealed.user)
    before = sealed.keyset
    assert vault_work.rotate(sealed.user)
    assert sealed.keyset == before


def test_an_instance_that_remembers_the_keyset_as_it_was_reads_and_seals_on(world: VaultWorld) -> None:
    sealed = connected()
    before = primary(sealed)
    remembered = keysets.of(sealed.user)
    assert world.run(vault_work.rotate, sealed.user)
    assert keysets.of(sealed.user) is remembered
    assert sealed.as_read_here() == sealed.tokens
    connect(sealed.user, "acc_new", "access-new", "refresh-new")
    assert world.run(vault_work.tokens, sealed.user) == sealed.tokens | {"acc_new": ("access-new", "refresh-new")}
    assert before not in sealed.keys_in_use()


@pytest.mark.usefixtures("world")
def test_what_was_sealed_before_the_key_was_removed_and_comes_after_it_is_sealed_anew() -> None:
    sealed = connected()
    attempts: list[int] = []
    now = clock.now()

    def late(ciphertext: bytes) -> None:
        attempts.append(keys.sealing_key(ciphertext))
        if len(attempts) == 1:
            vault_work.rotate(sealed.user)
        kept = SealedTokens(
            provider=Provider.GOOGLE, sealed=ciphertext, scopes=[], expires_at=now + HOUR, consented_at=now
        )
        store.replace(sealed.user, "acc_late", kept)

    sealing.seal(sealed.user, "acc_late", Tokens("access-late", "refresh-late"), late)
    assert attempts == [attempts[0], primary(sealed)]
    assert attempts[0] != attempts[1]
    assert vault_work.tokens(sealed.user)["acc_late"] == ("access-late", "refresh-late")


@pytest.mark.usefixtures("world")
def test_nothing_is_kept_that_is_sealed_with_a_removed_key() -> None:
    sealed = connected()
    (kept, *_) = store.all_of(sealed.user).values()
    vault_work.rotate(sealed.user)
    found = store.read(sealed.user, "acc_0")
    assert found
    with pytest.raises(KeyReplaced):
        store.change(found[1], sealed=kept.sealed)
    assert vault_work.tokens(sealed.user) == sealed.tokens


@pytest.mark.usefixtures("world")
def test_tokens_that_are_being_refreshed_are_left_to_whoever_refreshes_them() -> None:
    sealed = connected()
    before = primary(sealed)
    found = store.read(sealed.user, "acc_0")
    assert found
    assert store.change(found[1], lease_until=clock.now() + HOUR)
    leased = store.read(sealed.user, "acc_0")
    assert leased
    assert not vault_work.rotate(sealed.user)
    assert sealed.keyset.older == [before]
    renewed = Tokens("access-renewed", "refresh-renewed")
    assert sealing.reseal(
        sealed.user, "acc_0", renewed, lambda ciphertext: store.change(leased[1], sealed=ciphertext, lease_until=None)
    )
    make_due(sealed.user)
    assert vault_work.rotate(sealed.user)
    assert_rotated(Sealed(sealed.user, sealed.tokens | {"acc_0": ("access-renewed", "refresh-renewed")}), before)


@pytest.mark.usefixtures("world")
def test_what_nobody_can_read_keeps_the_older_keys_and_does_not_keep_others_from_rotating() -> None:
    broken, fine = connected(), connected()
    before = primary(fine)
    found = store.read(broken.user, "acc_0")
    assert found
    assert store.change(found[1], sealed=found[0].sealed[:-1])
    vault_work.rotate_all_due()
    assert_rotated(fine, before)
    assert broken.keyset.older
    assert broken.user not in store.keysets_due(clock.now(), 100)


@pytest.mark.usefixtures("world")
def test_a_keyset_of_the_first_schema_is_rotated_once_it_is_due() -> None:
    sealed = connected()
    document = person(sealed.user, Database.VAULT).collection("keysets").document("current")
    document.set({"schema_version": 1, "wrapped": sealed.keyset.wrapped, "created_at": clock.now()})
    keysets.forget(sealed.user)
    assert vault_work.tokens(sealed.user) == sealed.tokens
    connect(sealed.user, "acc_more", "a", "r")
    assert vault_work.tokens(sealed.user) == sealed.tokens | {"acc_more": ("a", "r")}


def test_two_that_rotate_the_same_keyset_at_once_end_well(world: VaultWorld) -> None:
    sealed = connected(accounts=6)
    before = primary(sealed)
    assert world.run_at_once(3, vault_work.rotate, sealed.user) == [True, True, True]
    assert_rotated(sealed, before)


def die_and_end_it(world: VaultWorld, after: bool, step: int) -> int:
    """Die at every so manieth call of a rotation; how many calls it takes."""
    last = 1
    while True:
        sealed = connected()
        before = primary(sealed)
        if not world.is_killed(last, after, vault_work.rotate, sealed.user):
            return last
        assert sealed.as_read_here() == sealed.tokens
        assert vault_work.tokens(sealed.user) == sealed.tokens
        assert vault_work.rotate(sealed.user)
        assert_rotated(sealed, before)
        last += step


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_wherever_an_instance_dies_all_stays_readable_and_the_next_one_ends_it(world: VaultWorld, after: bool) -> None:
    assert die_and_end_it(world, after, step=3) > 15


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_whichever_call_an_instance_dies_at_all_stays_readable_and_the_next_one_ends_it(
    world: VaultWorld, after: bool
) -> None:
    assert die_and_end_it(world, after, step=1) > 15
