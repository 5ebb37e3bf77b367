"""Each epoch the vault's key changes: the living read on, and nothing opens what is left of the deleted any more."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.api_core.exceptions import FailedPrecondition, GoogleAPICallError

from lib.accounts.vault import keysets, store
from lib.accounts.vault.epochs import store as epoch_store
from lib.accounts.vault.epochs.store import Epoch, Phase
from lib.core import clock, ids, keys
from lib.core.key_versions import all_versions, make_primary
from lib.core.store import Database, Global, global_document, person
from scripts.local import clock as local_clock
from tests.accounts import vault_work
from tests.accounts.sealed_person import Sealed, connected
from tests.accounts.vault_world import VaultWorld
from tests.core.test_signatures import holds

DAY = timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(vault_apart: VaultWorld) -> Iterator[VaultWorld]:
    """A fresh vault with one version of its key, of which the test's own process is an instance too."""
    vault_apart.start_afresh()
    with vault_apart.here():
        yield vault_apart


def begin() -> None:
    """Have an epoch be due."""
    epoch_store.begin(Epoch(begins_at=LONG_AGO))
    found = epoch_store.epoch()
    assert found
    if found[0].phase is Phase.RESTING:
        epoch_store.advance(found[1], found[0].model_copy(update={"begins_at": LONG_AGO}))


def epoch() -> Epoch:
    found = epoch_store.epoch()
    assert found
    return found[0]


def erase(sealed: Sealed) -> str:
    receipt = ids.new("rcp")
    store.erase(sealed.user, receipt)
    keysets.forget(sealed.user)
    return receipt


def backup(sealed: Sealed) -> bytes:
    """What a backup holds of the person's keyset."""
    return sealed.keyset.wrapped


def opens(wrapped: bytes, sealed: Sealed) -> bool:
    try:
        keys.unwrap(wrapped, f"briefly/keyset/{sealed.user}")
    except GoogleAPICallError:
        return False
    return True


def assert_over(living: list[Sealed], deleted: Sealed, kept: bytes, receipt: str, world: VaultWorld) -> None:
    """The epoch is where it ends, whatever happened on the way."""
    now = epoch()
    assert now.phase is Phase.RESTING
    assert now.begins_at > clock.now() + 29 * DAY
    assert [version.number for version in all_versions() if version.usable and version.number < now.floor] == []
    assert any(version.usable and version.number == now.floor for version in all_versions())
    for sealed in living:
        assert sealed.keyset.kek_version >= now.floor
        assert vault_work.tokens(sealed.user) == sealed.tokens
    assert not opens(kept, deleted)
    assert list(epoch_store.waiting_for_less_than(now.floor, 10)) == []
    assert json.loads(world.run(vault_work.certificate, receipt)["statement"])["receipt"] == receipt


def test_nothing_happens_before_the_first_epoch_is_over(world: VaultWorld) -> None:
    connected()
    world.run(vault_work.end_epoch)
    world.run(vault_work.end_epoch)
    assert epoch().phase is Phase.RESTING
    assert epoch().begins_at > clock.now() + 29 * DAY
    assert [(version.number, version.usable) for version in all_versions()] == [(1, True)]


def test_the_living_read_on_and_the_deleted_die_in_every_backup(world: VaultWorld) -> None:
    living, deleted = [connected() for _ in range(3)], connected()
    kept, of_the_living = backup(deleted), backup(living[0])
    assert deleted.keyset.kek_version == 1
    receipt = erase(deleted)
    begin()
    world.run(vault_work.end_epoch)
    assert_over(living, deleted, kept, receipt, world)
    assert [(version.number, version.usable) for version in all_versions()] == [(1, False), (2, True)]
    # An old copy of a living keyset is no good either: the one that is stored is.
    assert not opens(of_the_living, living[0])
    assert world.run(vault_work.tokens, living[0].user) == living[0].tokens


def test_what_is_new_is_wrapped_by_the_new_version(world: VaultWorld) -> None:
    begin()
    world.run(vault_work.end_epoch)
    newcomer = connected()
    assert newcomer.keyset.kek_version == epoch().floor == 2


def test_a_certificate_says_what_is_so_and_is_checked_by_arithmetic_alone(world: VaultWorld) -> None:
    deleted = connected()
    before = clock.now()
    receipt = erase(deleted)
    begin()
    world.run(vault_work.end_epoch)
    certificate = world.run(vault_work.certificate, receipt)
    assert holds(certificate["public_key"], certificate["statement"].encode(), b64decode(certificate["signature"]))
    assert not holds(
        certificate["public_key"], certificate["statement"].encode() + b" ", b64decode(certificate["signature"])
    )
    public = load_pem_public_key(certificate["public_key"].encode())
    assert isinstance(public, RSAPublicKey)
    said = json.loads(certificate["statement"])
    assert (said["receipt"], said["key"], said["destroyed_up_to_version"]) == (receipt, world.vault_key, 1)
    (first, _) = all_versions()
    assert datetime.fromisoformat(said["final_at"]) == first.gone_at
    assert before <= datetime.fromisoformat(said["erased_at"]) <= datetime.fromisoformat(said["destroyed_at"])
    assert said["backups_kept_days"] == 7
    assert set(said) == {
        *("format", "receipt", "erased_at", "key", "destroyed_up_to_version", "destroyed_at", "final_at"),
        *("backups_kept_days", "issued_at", "text"),
    }
    assert str(deleted.user) not in json.dumps(certificate)


def test_there_is_no_certificate_before_the_epoch_ends(world: VaultWorld) -> None:
    receipt = erase(connected())
    with pytest.raises(AssertionError, match="NotFound"):
        world.run(vault_work.certificate, receipt)


def test_who_is_deleted_after_the_change_waits_for_the_next_one(world: VaultWorld) -> None:
    begin()
    world.run(vault_work.end_epoch)
    deleted = connected()
    kept, receipt = backup(deleted), erase(deleted)
    with pytest.raises(AssertionError, match="NotFound"):
        world.run(vault_work.certificate, receipt)
    assert opens(kept, deleted)
    begin()
    world.run(vault_work.end_epoch)
    assert_over([], deleted, kept, receipt, world)
    assert json.loads(world.run(vault_work.certificate, receipt)["statement"])["destroyed_up_to_version"] == 2


def test_what_is_ordered_becomes_final_when_the_certificate_says(world: VaultWorld) -> None:
    receipt = erase(connected())
    begin()
    world.run(vault_work.end_epoch)
    final_at = datetime.fromisoformat(json.loads(world.run(vault_work.certificate, receipt)["statement"])["final_at"])
    assert 29 * DAY < final_at - clock.now() <= 30 * DAY
    name = f"{world.vault_key}/cryptoKeyVersions/1"
    world.kms.restore_crypto_key_version(name=name)
    world.kms.destroy_crypto_key_version(name=name)
    before = local_clock.offset()
    local_clock.move(31 * DAY)
    try:
        with pytest.raises(FailedPrecondition):
            world.kms.restore_crypto_key_version(name=name)
    finally:
        local_clock.move(before - local_clock.offset())


def test_erasing_again_keeps_the_receipt_and_the_version(world: VaultWorld) -> None:
    deleted = connected()
    receipt = erase(deleted)
    before = global_document(Global.ERASURES, receipt, Database.VAULT).get().to_dict()
    store.erase(deleted.user, receipt)
    assert global_document(Global.ERASURES, receipt, Database.VAULT).get().to_dict() == before
    assert before
    assert (before["kek_version"], before["waits_for"]) == (1, 1)
    assert str(deleted.user) not in json.dumps(before, default=str)


def test_a_keyset_of_the_first_schema_is_wrapped_anew_too(world: VaultWorld) -> None:
    sealed = connected()
    document = person(sealed.user, Database.VAULT).collection("keysets").document("current")
    document.set({"schema_version": 1, "wrapped": sealed.keyset.wrapped, "created_at": clock.now()})
    begin()
    world.run(vault_work.end_epoch)
    assert (sealed.keyset.kek_version, epoch().floor) == (2, 2)
    assert sealed.keyset.rotation_due_at is not None
    assert vault_work.tokens(sealed.user) == sealed.tokens


def test_as_long_as_one_keyset_cannot_be_wrapped_anew_nothing_is_destroyed(world: VaultWorld) -> None:
    fine, broken = connected(), connected()
    document = person(broken.user, Database.VAULT).collection("keysets").document("current")
    whole = broken.keyset.wrapped
    document.update({"wrapped": b"\x02" + whole[1:]})
    begin()
    world.run(vault_work.end_epoch)
    assert epoch().phase is Phase.REWRAPPING
    assert fine.keyset.kek_version == 2
    assert all(version.usable for version in all_versions())
    document.update({"wrapped": whole})
    world.run(vault_work.end_epoch)
    assert epoch().phase is Phase.RESTING
    assert vault_work.tokens(broken.user) == broken.tokens


def test_a_keyset_that_an_older_version_wraps_is_not_kept_any_more(world: VaultWorld) -> None:
    begin()
    world.run(vault_work.end_epoch)
    late = keys.new_keyset().wrap("briefly/keyset/user_late")
    stale = store.StoredKeyset(wrapped=late.data, kek_version=1, primary=1)
    user = connected().user
    erase(Sealed(user, {}))
    with pytest.raises(store.WrappedTooEarly):
        store.create_keyset(user, stale)


def test_a_version_that_is_not_primary_everywhere_yet_is_used_by_name(world: VaultWorld) -> None:
    begin()
    world.run(vault_work.end_epoch)
    world.kms.create_crypto_key_version(parent=world.vault_key)
    begin()
    for _ in range(3):
        world.run(advance_once)
    assert epoch().phase is Phase.REWRAPPING
    # As where the change has not arrived yet: https://cloud.google.com/kms/docs/consistency
    make_primary(2)
    newcomer = connected()
    assert newcomer.keyset.kek_version == epoch().floor
    assert newcomer.keyset.kek_version > 2


def advance_once() -> bool:
    from lib.accounts.vault.epochs import advancing

    return advancing.advance()


def test_versions_that_cloud_kms_made_by_itself_end_with_the_others(world: VaultWorld) -> None:
    sealed = connected()
    world.kms.create_crypto_key_version(parent=world.vault_key)
    make_primary(2)
    begin()
    world.run(vault_work.end_epoch)
    assert [(version.number, version.usable) for version in all_versions()] == [(1, False), (2, False), (3, True)]
    assert vault_work.tokens(sealed.user) == sealed.tokens


def test_several_at_once_end_well(world: VaultWorld) -> None:
    living, deleted = [connected() for _ in range(3)], connected()
    kept, receipt = backup(deleted), erase(deleted)
    begin()
    world.run_at_once(3, vault_work.end_epoch)
    world.run(vault_work.end_epoch)
    assert_over(living, deleted, kept, receipt, world)


def test_rotations_and_an_epoch_at_once_end_well(world: VaultWorld) -> None:
    living = [connected() for _ in range(4)]
    begin()
    started = [world._start(False, vault_work.end_epoch), world._start(False, vault_work.rotate_all_due)]
    for one in started:
        world._finish(one)
    world.run(vault_work.end_epoch)
    for sealed in living:
        vault_work.rotate(sealed.user)
        assert sealed.keyset.older == []
        assert sealed.keyset.kek_version >= epoch().floor == 2
        assert vault_work.tokens(sealed.user) == sealed.tokens


def die_and_end_it(world: VaultWorld, after: bool, first: int, step: int) -> int:
    """Die at every so manieth call of an epoch; how many calls it takes."""
    last = first
    while True:
        world.start_afresh()
        with world.here():
            living, deleted = [connected(1) for _ in range(2)], connected(1)
            kept, receipt = backup(deleted), erase(deleted)
            begin()
            if not world.is_killed(last, after, vault_work.end_epoch):
                return last
            for sealed in living:
                assert vault_work.tokens(sealed.user) == sealed.tokens
            world.run(vault_work.end_epoch)
            assert_over(living, deleted, kept, receipt, world)
        last += step


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_wherever_an_instance_dies_the_next_one_ends_it(world: VaultWorld, after: bool) -> None:
    assert die_and_end_it(world, after, first=2 + after, step=5) > 20


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_whichever_call_an_instance_dies_at_the_next_one_ends_it(world: VaultWorld, after: bool) -> None:
    assert die_and_end_it(world, after, first=1, step=1) > 20
