"""Entries are written once and by themselves, name nobody, and are read by whom they are about."""

import json
from collections.abc import Callable
from datetime import timedelta

from google.cloud import firestore

from lib.audit import export, sealing, store, verify
from lib.audit.models import Action, AuditEntry
from lib.core import clock, deadline
from lib.core.events import Delivery
from tests.audit.conftest import Somebody
from tests.briefly import eventually

TOLD = Delivery("1", b"", {}, 1)


def documents(person: Somebody) -> dict[str, dict[str, object]]:
    audit = firestore.Client(project="briefly-local", database="audit")
    root = audit.document(f"users/{person.hashed}")
    return {found.reference.path: found.to_dict() or {} for each in root.collections() for found in each.stream()}


def test_an_entry_is_kept_with_what_waits_for_it(somebody: Somebody) -> None:
    somebody.write()
    (kept, waiting) = sorted(documents(somebody).items())
    assert kept[1]["action"] == "hand-out"
    assert kept[0].replace("audit_entries", "unsealed_entries") == waiting[0]
    (hashed,) = [verify.hash_of("entry", each) for each in store.entries(somebody.hashed, [str(kept[1]["id"])])]
    assert waiting[1]["hash"] == hashed


def test_nothing_in_the_log_names_the_person(somebody: Somebody) -> None:
    account = somebody.client.connect_google()
    somebody.client.get("/mail/?limit=1")
    somebody.seal()
    exported = "".join(export.document(somebody.user))
    text = json.dumps(documents(somebody), default=str) + exported
    assert account in text
    for named in (somebody.client.user, somebody.client.email, "ada.lindqvist", "Test"):
        assert named not in text


def test_an_entry_that_is_written_again_stays_as_it_was(somebody: Somebody) -> None:
    entry = AuditEntry(
        id="aud_0", at=clock.now(), action=Action.EXPORT, caller="x", purpose="x", account_id="", outcome="first"
    )
    store.create(somebody.hashed, entry)
    before = documents(somebody)
    store.create(somebody.hashed, entry.model_copy(update={"outcome": "second"}))
    assert documents(somebody) == before


def test_a_person_reads_their_log_newest_first_page_by_page(somebody: Somebody) -> None:
    somebody.write(5)
    path, outcomes = "/users/me/audit?limit=2", []
    page = somebody.client.get(path)
    while True:
        outcomes += [entry["outcome"] for entry in page["entries"]]
        if page["next_cursor"] is None:
            break
        page = somebody.client.get(f"{path}&cursor={page['next_cursor']}")
    assert outcomes == [f"outcome {number}" for number in (4, 3, 2, 1, 0)]


def test_what_a_person_connects_and_hands_out_is_in_their_log_only(
    somebody: Somebody, newcomer: Callable[[], Somebody]
) -> None:
    other = newcomer()
    somebody.client.connect_google()
    assert {entry["action"] for entry in somebody.client.get("/users/me/audit")["entries"]} == {"exchange"}
    assert other.client.get("/users/me/audit")["entries"] == []


def test_the_log_has_a_kind_of_entry_for_each_sensitive_operation() -> None:
    names = {"exchange", "hand-out", "refresh", "shred", "erase", "export", "deletion"}
    assert {str(each) for each in Action} == names | {"key-rotation", "sharing", "privacy", "revoke", "end-session"}


def test_a_run_that_is_out_of_time_has_the_rest_done_by_another_one(somebody: Somebody) -> None:
    somebody.write()
    with deadline.within(sealing.RESERVE - timedelta(seconds=1)):
        sealing.run(TOLD)
    # The running function was told, and it had the time.
    eventually(lambda: not store.waiting(somebody.hashed) and not somebody.unproved())
    assert somebody.verification()["findings"] == []


def test_more_than_a_page_of_people_and_entries_is_sealed_in_one_go(
    somebody: Somebody, newcomer: Callable[[], Somebody]
) -> None:
    entries = store.PAGE + 20
    somebody.write(entries)
    other = newcomer()
    other.write(1)
    somebody.seal()
    assert somebody.verification()["entries"] == entries
    assert len(list(store.links(somebody.hashed, 0))) >= 2
    assert (somebody.places(), other.places()) == (set(), set())
    exported = json.loads("".join(export.document(somebody.user)))
    assert verify.verified(exported)["findings"] == []
