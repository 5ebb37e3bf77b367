"""What is altered in the database is found by Briefly's own check, and heads in the bucket cannot be altered at all."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from google.cloud import firestore

from lib.audit import store
from scripts.local.project import bucket
from tests.audit.conftest import Somebody
from tests.briefly import Briefly

ENTRY = ("at", "action", "caller", "purpose", "account_id", "outcome", "id", "person", "schema_version")
SEAL = ("person", "number", "previous", "at", "entries", "hash", "schema_version")
PROOF = ("seal", "head", "index", "path", "schema_version")
HEAD = ("number", "previous", "skip", "at", "tree_size", "root", "hash", "signature", "schema_version")


@pytest.fixture(scope="module")
def sealed(newcomer: Callable[[], Somebody]) -> Somebody:
    """Somebody with three seals, each under a head of its own."""
    person = newcomer()
    for _ in range(3):
        person.write(2)
        person.seal()
    assert person.verification()["findings"] == []
    return person


def audit() -> firestore.Client:
    return firestore.Client(project="briefly-local", database="audit")


def below(person: Somebody, collection: str) -> list[firestore.DocumentReference]:
    """The documents of one of the person's collections, in order."""
    found = audit().collection(f"users/{person.hashed}/{collection}").stream()
    return [snapshot.reference for snapshot in found]


def newest_head() -> firestore.DocumentReference:
    return audit().document(f"audit_heads/{store.newest_head()[0]:010d}")


@contextmanager
def restored(*references: firestore.DocumentReference) -> Iterator[None]:
    """Whatever is done to these documents in the block is undone after it."""
    before = {reference: reference.get().to_dict() for reference in references}
    try:
        yield
    finally:
        for reference, document in before.items():
            if document is None:
                reference.delete()
            else:
                reference.set(document)


def other(value: Any) -> Any:
    match value:
        case int():
            return value + 7
        case str():
            return f"{value}x"
        case list():
            return value[1:] or ["0" * 64]
        case dict():
            return value | {"value": "AAAA"}
    return datetime.fromisoformat(value.isoformat()) + timedelta(microseconds=1)


@pytest.mark.parametrize("field", ENTRY)
def test_an_altered_field_of_an_entry_is_found(sealed: Somebody, field: str) -> None:
    entry = below(sealed, "audit_entries")[2]
    with restored(entry):
        entry.update({field: other(entry.get().get(field))})
        found = sealed.places()
    assert f"entry {entry.id}" in found


@pytest.mark.parametrize("field", SEAL)
def test_an_altered_field_of_a_seal_is_found(sealed: Somebody, field: str) -> None:
    seal = below(sealed, "audit_seals")[1]
    with restored(seal):
        seal.update({field: other(seal.get().get(field))})
        found = sealed.places()
    assert found & {"seal 2", "seal 9"}


@pytest.mark.parametrize("field", PROOF)
def test_an_altered_field_of_a_proof_is_found(sealed: Somebody, field: str) -> None:
    proof = below(sealed, "audit_proofs")[1]
    with restored(proof):
        proof.update({field: other(proof.get().get(field))})
        found = sealed.places()
    assert "proof of seal 2" in found


@pytest.mark.parametrize("field", HEAD)
def test_an_altered_field_of_a_head_is_found(sealed: Somebody, field: str) -> None:
    head = newest_head()
    number = int(head.id)
    with restored(head):
        head.update({field: other(head.get().get(field))})
        found = sealed.places()
    assert found & {f"head {number}", f"head {number + 7}"}


@pytest.mark.parametrize("collection", ["audit_entries", "audit_seals", "audit_proofs", "unsealed_entries"])
def test_a_document_that_was_dropped_is_found(sealed: Somebody, collection: str) -> None:
    sealed.write()
    dropped = below(sealed, collection)[-1]
    with restored(dropped):
        dropped.delete()
        assert sealed.places()
    assert sealed.places() == set()


def test_an_entry_that_was_slipped_in_is_found(sealed: Somebody) -> None:
    entry = below(sealed, "audit_entries")[2]
    slipped_in = entry.parent.document("aud_new")
    with restored(slipped_in):
        slipped_in.set((entry.get().to_dict() or {}) | {"id": "aud_new"})
        assert sealed.places() == {"entry aud_new"}


def test_heads_that_were_dropped_are_found_by_what_the_bucket_keeps(sealed: Somebody, somebody: Somebody) -> None:
    somebody.write()
    somebody.seal()
    head = newest_head()
    with restored(head):
        head.delete()
        assert f"head {int(head.id)}" in sealed.places()


def test_a_head_that_never_came_to_the_bucket_is_found(briefly: Briefly, sealed: Somebody) -> None:
    head = newest_head()
    forged = head.parent.document(f"{int(head.id) + 1:010d}")
    with restored(forged):
        forged.set((head.get().to_dict() or {}) | {"number": int(head.id) + 1})
        assert f"head {int(head.id) + 1}" in sealed.places()


def as_account(briefly: Briefly, name: str, method: str, path: str, **options: Any) -> requests.Response:
    """Ask Cloud Storage with the access token that instances of this function have."""
    metadata = briefly.state.endpoints.metadata[name]
    url = f"http://{metadata}/computeMetadata/v1/instance/service-accounts/default/token"
    token = requests.get(url, headers={"Metadata-Flavor": "Google"}, timeout=5).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{briefly.state.endpoints.storage}{path}"
    return requests.request(method, address, headers=headers, timeout=10, **options)


def test_a_kept_head_can_be_neither_replaced_nor_deleted_even_by_the_sealer(briefly: Briefly, sealed: Somebody) -> None:
    name = f"heads%2F{store.newest_head()[0]:010d}"
    path = f"/storage/v1/b/{bucket('audit')}/o/{name}"
    kept = as_account(briefly, "seal-audit", "GET", f"{path}?alt=media").json()
    assert kept["head"] == next(iter(store.heads([store.newest_head()[0]])))
    refused = [
        as_account(briefly, "seal-audit", "DELETE", path),
        as_account(
            briefly,
            "seal-audit",
            "POST",
            f"/upload/storage/v1/b/{bucket('audit')}/o?uploadType=media&name={name}",
            data=json.dumps(kept | {"seals": []}),
        ),
    ]
    for answer in refused:
        assert answer.status_code == 403
        assert answer.json()["error"]["errors"][0]["reason"] == "retentionPolicyNotMet"
    assert as_account(briefly, "users", "DELETE", path).json()["error"]["errors"][0]["reason"] == "forbidden"
    assert as_account(briefly, "users", "GET", f"{path}?alt=media").json() == kept
    assert as_account(briefly, "mail", "GET", f"{path}?alt=media").status_code == 403


def test_the_check_says_what_it_does_not_show(sealed: Somebody) -> None:
    report = sealed.verification()
    assert "does not show" in report["limits"]
    assert report["attested_at"] > "2026"
