from collections.abc import Callable
from datetime import timedelta
from typing import Any

import google_crc32c
import grpc
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted
from google.cloud import kms_v1
from google.protobuf.field_mask_pb2 import FieldMask

from scripts.local import clock
from scripts.local.google_cloud import GoogleCloud

PARENT = "projects/briefly-local/locations/europe-west1"
RING = f"{PARENT}/keyRings/briefly"
KEY = f"{RING}/cryptoKeys/vault"
Purpose: Any = kms_v1.CryptoKey.CryptoKeyPurpose
State: Any = kms_v1.CryptoKeyVersion.CryptoKeyVersionState
Algorithm: Any = kms_v1.CryptoKeyVersion.CryptoKeyVersionAlgorithm
SYMMETRIC = kms_v1.CryptoKey(purpose=Purpose.ENCRYPT_DECRYPT)
Client = kms_v1.KeyManagementServiceClient


@pytest.fixture
def vault(kms: Client) -> Client:
    kms.create_key_ring(parent=PARENT, key_ring_id="briefly", key_ring=kms_v1.KeyRing())
    kms.create_crypto_key(parent=RING, crypto_key_id="vault", crypto_key=SYMMETRIC)
    return kms


def version(number: int) -> str:
    return f"{KEY}/cryptoKeyVersions/{number}"


def signing_key(algorithm: str) -> kms_v1.CryptoKey:
    template = kms_v1.CryptoKeyVersionTemplate(algorithm=Algorithm[algorithm])
    return kms_v1.CryptoKey(purpose=Purpose.ASYMMETRIC_SIGN, version_template=template)


def seal(client: Client, plaintext: bytes = b"a keyset", associated: bytes = b"user_1") -> bytes:
    request = {"name": KEY, "plaintext": plaintext, "additional_authenticated_data": associated}
    ciphertext: bytes = client.encrypt(request).ciphertext
    return ciphertext


def unseal(client: Client, ciphertext: bytes, associated: bytes = b"user_1") -> kms_v1.DecryptResponse:
    return client.decrypt({"name": KEY, "ciphertext": ciphertext, "additional_authenticated_data": associated})


def set_state(client: Client, number: int, state: Any) -> kms_v1.CryptoKeyVersion:
    wanted = kms_v1.CryptoKeyVersion(name=version(number), state=state)
    return client.update_crypto_key_version(crypto_key_version=wanted, update_mask=FieldMask(paths=["state"]))


def test_what_is_sealed_is_not_readable_and_opens_again(vault: Client) -> None:
    ciphertext = seal(vault)
    assert b"a keyset" not in ciphertext
    opened = unseal(vault, ciphertext)
    assert opened.plaintext == b"a keyset"
    assert opened.plaintext_crc32c == google_crc32c.value(b"a keyset")
    assert opened.used_primary


def test_the_same_plaintext_is_never_sealed_alike(vault: Client) -> None:
    assert seal(vault) != seal(vault)


def test_other_associated_data_does_not_open(vault: Client) -> None:
    with pytest.raises(InvalidArgument):
        unseal(vault, seal(vault), associated=b"user_2")


def test_every_changed_byte_is_noticed(vault: Client) -> None:
    ciphertext = seal(vault)
    for place in (0, 5, 20, len(ciphertext) - 1):
        changed = ciphertext[:place] + bytes([ciphertext[place] ^ 1]) + ciphertext[place + 1 :]
        with pytest.raises(InvalidArgument):
            unseal(vault, changed)
    with pytest.raises(InvalidArgument):
        unseal(vault, b"")


def test_another_keys_ciphertext_does_not_open(vault: Client) -> None:
    vault.create_crypto_key(parent=RING, crypto_key_id="cursors", crypto_key=SYMMETRIC)
    with pytest.raises(InvalidArgument, match="refers to the correct CryptoKey"):
        vault.decrypt({"name": f"{RING}/cryptoKeys/cursors", "ciphertext": seal(vault)})


def test_checksums_are_verified_and_given(vault: Client) -> None:
    answer = vault.encrypt(
        {
            "name": KEY,
            "plaintext": b"x",
            "plaintext_crc32c": google_crc32c.value(b"x"),
            "additional_authenticated_data": b"y",
            "additional_authenticated_data_crc32c": google_crc32c.value(b"y"),
        }
    )
    assert answer.verified_plaintext_crc32c
    assert answer.verified_additional_authenticated_data_crc32c
    assert answer.ciphertext_crc32c == google_crc32c.value(answer.ciphertext)
    assert answer.name == version(1)


def test_a_checksum_that_was_not_sent_is_not_called_verified(vault: Client) -> None:
    answer = vault.encrypt({"name": KEY, "plaintext": b"x"})
    assert not answer.verified_plaintext_crc32c
    assert not answer.verified_additional_authenticated_data_crc32c


@pytest.mark.parametrize("field", ["plaintext_crc32c", "additional_authenticated_data_crc32c"])
def test_a_wrong_checksum_is_refused_on_encryption(vault: Client, field: str) -> None:
    with pytest.raises(InvalidArgument, match="checksum"):
        vault.encrypt({"name": KEY, "plaintext": b"x", "additional_authenticated_data": b"y", field: 1})


@pytest.mark.parametrize("field", ["ciphertext_crc32c", "additional_authenticated_data_crc32c"])
def test_a_wrong_checksum_is_refused_on_decryption(vault: Client, field: str) -> None:
    request = {"name": KEY, "ciphertext": seal(vault), "additional_authenticated_data": b"user_1", field: 1}
    with pytest.raises(InvalidArgument, match="checksum"):
        vault.decrypt(request)


def test_at_most_64_kib_are_sealed(vault: Client) -> None:
    limit = 64 * 1024
    assert unseal(vault, seal(vault, b"x" * limit)).plaintext == b"x" * limit
    with pytest.raises(InvalidArgument):
        seal(vault, b"x" * (limit + 1))
    with pytest.raises(InvalidArgument):
        seal(vault, b"x", associated=b"y" * (limit + 1))


def test_a_new_version_is_used_only_once_it_is_primary_and_old_ciphertexts_stay_readable(vault: Client) -> None:
    old = seal(vault)
    vault.create_crypto_key_version(parent=KEY, crypto_key_version=kms_v1.CryptoKeyVersion())
    assert vault.encrypt({"name": KEY, "plaintext": b"x"}).name == version(1)
    vault.update_crypto_key_primary_version(name=KEY, crypto_key_version_id="2")
    assert vault.encrypt({"name": KEY, "plaintext": b"x"}).name == version(2)
    opened = unseal(vault, old)
    assert opened.plaintext == b"a keyset"
    assert not opened.used_primary
    assert vault.get_crypto_key(name=KEY).primary.name == version(2)


def test_encryption_by_a_named_version(vault: Client) -> None:
    vault.create_crypto_key_version(parent=KEY, crypto_key_version=kms_v1.CryptoKeyVersion())
    answer = vault.encrypt({"name": version(2), "plaintext": b"x"})
    assert answer.name == version(2)
    assert vault.decrypt({"name": KEY, "ciphertext": answer.ciphertext}).plaintext == b"x"


def test_a_disabled_version_neither_seals_nor_opens_until_it_is_enabled(vault: Client) -> None:
    ciphertext = seal(vault)
    set_state(vault, 1, State.DISABLED)
    with pytest.raises(FailedPrecondition, match="DISABLED"):
        unseal(vault, ciphertext)
    with pytest.raises(FailedPrecondition):
        seal(vault)
    set_state(vault, 1, State.ENABLED)
    assert unseal(vault, ciphertext).plaintext == b"a keyset"


def test_destruction_is_scheduled_and_can_be_undone_until_its_time(
    vault: Client, move_clock: Callable[[timedelta], None]
) -> None:
    ciphertext = seal(vault)
    scheduled = vault.destroy_crypto_key_version(name=version(1))
    assert scheduled.state == State.DESTROY_SCHEDULED
    assert abs(scheduled.destroy_time - clock.now() - timedelta(days=30)) < timedelta(seconds=5)
    with pytest.raises(FailedPrecondition):
        unseal(vault, ciphertext)
    move_clock(timedelta(days=29))
    assert vault.restore_crypto_key_version(name=version(1)).state == State.DISABLED
    set_state(vault, 1, State.ENABLED)
    assert unseal(vault, ciphertext).plaintext == b"a keyset"


def test_a_destroyed_version_is_gone_for_good(vault: Client, move_clock: Callable[[timedelta], None]) -> None:
    ciphertext = seal(vault)
    vault.destroy_crypto_key_version(name=version(1))
    with pytest.raises(FailedPrecondition):
        vault.destroy_crypto_key_version(name=version(1))
    move_clock(timedelta(days=30, seconds=1))
    assert vault.get_crypto_key_version(name=version(1)).state == State.DESTROYED
    with pytest.raises(FailedPrecondition, match="DESTROYED"):
        unseal(vault, ciphertext)
    with pytest.raises(FailedPrecondition):
        vault.restore_crypto_key_version(name=version(1))
    with pytest.raises(FailedPrecondition):
        set_state(vault, 1, State.ENABLED)


def test_a_key_rotates_by_its_schedule(vault: Client, move_clock: Callable[[timedelta], None]) -> None:
    old = seal(vault)
    day = timedelta(days=1)
    schedule = kms_v1.CryptoKey(name=KEY, next_rotation_time=clock.now() + day, rotation_period=90 * day)
    mask = FieldMask(paths=["next_rotation_time", "rotation_period"])
    vault.update_crypto_key(crypto_key=schedule, update_mask=mask)
    move_clock(2 * day)
    assert vault.encrypt({"name": KEY, "plaintext": b"x"}).name == version(2)
    assert unseal(vault, old).plaintext == b"a keyset"
    move_clock(90 * day)
    assert vault.encrypt({"name": KEY, "plaintext": b"x"}).name == version(3)


def test_names_that_exist_or_do_not_are_told_apart(vault: Client) -> None:
    with pytest.raises(AlreadyExists):
        vault.create_key_ring(parent=PARENT, key_ring_id="briefly", key_ring=kms_v1.KeyRing())
    with pytest.raises(AlreadyExists):
        vault.create_crypto_key(parent=RING, crypto_key_id="vault", crypto_key=SYMMETRIC)
    for name in (f"{RING}/cryptoKeys/none", f"{PARENT}/keyRings/none/cryptoKeys/vault"):
        with pytest.raises(NotFound):
            vault.encrypt({"name": name, "plaintext": b"x"})
    with pytest.raises(NotFound):
        vault.get_crypto_key_version(name=version(9))
    with pytest.raises(InvalidArgument):
        vault.create_key_ring(parent=PARENT, key_ring_id="not a name", key_ring=kms_v1.KeyRing())
    with pytest.raises(InvalidArgument):
        vault.create_crypto_key(parent=RING, crypto_key_id="purposeless", crypto_key=kms_v1.CryptoKey())


def test_lists_come_page_by_page(vault: Client) -> None:
    for _ in range(4):
        vault.create_crypto_key_version(parent=KEY, crypto_key_version=kms_v1.CryptoKeyVersion())
    versions = vault.list_crypto_key_versions(request={"parent": KEY, "page_size": 2})
    assert [found.name for found in versions] == [version(number) for number in range(1, 6)]
    assert [key.name for key in vault.list_crypto_keys(parent=RING)] == [KEY]
    assert [ring.name for ring in vault.list_key_rings(parent=PARENT)] == [RING]
    with pytest.raises(InvalidArgument):
        vault.list_key_rings(request={"parent": PARENT, "page_token": "invented"})


@pytest.mark.parametrize("algorithm", ["EC_SIGN_P256_SHA256", "EC_SIGN_ED25519", "RSA_SIGN_PKCS1_3072_SHA256"])
def test_a_signature_verifies_with_the_public_key(vault: Client, algorithm: str) -> None:
    key = signing_key(algorithm)
    created = vault.create_crypto_key(parent=RING, crypto_key_id="roots", crypto_key=key)
    name = f"{created.name}/cryptoKeyVersions/1"
    pem = vault.get_public_key(name=name)
    assert pem.pem_crc32c == google_crc32c.value(pem.pem.encode())
    public = load_pem_public_key(pem.pem.encode())
    checksum = google_crc32c.value(b"a root")
    answer = vault.asymmetric_sign(request={"name": name, "data": b"a root", "data_crc32c": checksum})
    assert answer.verified_data_crc32c
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(answer.signature, b"a root")
    elif isinstance(public, rsa.RSAPublicKey):
        public.verify(answer.signature, b"a root", padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(answer.signature, b"a root", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(FailedPrecondition):
        vault.encrypt({"name": created.name, "plaintext": b"x"})


def test_a_digest_is_signed_only_by_an_algorithm_that_takes_one(vault: Client) -> None:
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(b"a root")
    digest = hasher.finalize()
    for name, algorithm in (("digests", "EC_SIGN_P256_SHA256"), ("messages", "EC_SIGN_ED25519")):
        key = signing_key(algorithm)
        vault.create_crypto_key(parent=RING, crypto_key_id=name, crypto_key=key)
    signing = f"{RING}/cryptoKeys/digests/cryptoKeyVersions/1"
    public = load_pem_public_key(vault.get_public_key(name=signing).pem.encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    signature = vault.asymmetric_sign(name=signing, digest=kms_v1.Digest(sha256=digest)).signature
    public.verify(signature, b"a root", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidArgument):
        vault.asymmetric_sign(
            name=f"{RING}/cryptoKeys/messages/cryptoKeyVersions/1", digest=kms_v1.Digest(sha256=digest)
        )


def test_a_fault_reaches_the_client_as_its_typed_error_and_then_passes(vault: Client, cloud: GoogleCloud) -> None:
    cloud.faults.arm("kms", "Encrypt", times=2, code=grpc.StatusCode.RESOURCE_EXHAUSTED)
    for _ in range(2):
        with pytest.raises(ResourceExhausted):
            seal(vault)
    assert unseal(vault, seal(vault)).plaintext == b"a keyset"
