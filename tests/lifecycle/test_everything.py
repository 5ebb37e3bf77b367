"""One person with something in every collection that there is: all of it is exported, or it is said why not; all goes.

A collection in terraform/firestore.yaml of which this person has nothing fails the first test, and has to be written to
here; one that no room declares fails the second.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import yaml

from lib.core import clock
from lib.core.object_names import prefix
from lib.core.personal_data import PROFILE, line
from lib.core.store import Database, Global, UserId, client, person
from lib.lifecycle.settings import LifecycleSettings
from lib.maintenance.deletion_steps import BUCKETS
from lib.maintenance.parts import PARTS
from lib.usage import store as usage
from lib.usage.models import Micros
from scripts.local.catalog import REPOSITORY
from scripts.local.project import bucket
from tests.briefly import Briefly, Client, eventually
from tests.e2e.belongings import Belongings, somebody
from tests.kept import everything

OF_NOBODY = {*(collection.value for collection in Global), "signals", "users"}
"""The collections that are global by nature, and the persons' own documents."""


def collections() -> set[str]:
    """All collection groups of people, in all databases that persons' data lives in."""
    text = (REPOSITORY / "terraform" / "firestore.yaml").read_text(encoding="utf-8")
    databases: dict[str, dict[str, Any]] = yaml.safe_load(text)["databases"]
    return {name for database in ("default", "vault") for name in databases[database]} - OF_NOBODY


@pytest.fixture(scope="module")
def somebody_with_everything(briefly: Briefly) -> Belongings:
    """They have been here for a while, and have used all there is."""
    belongings = somebody(briefly, google=briefly.unseen_mailbox(91))
    one = belongings.client
    answered = f"/chat/conversations/{belongings.ids['conversation_id']}/messages/{belongings.ids['message_id']}"
    assert one.call("PUT", f"{answered}/feedback", {"thumb": "up"}).status_code < 300
    one.begin_connecting("microsoft", "somebody@outlook.example")
    one.post("/chat/conversations", {"title": "Once"}, 201, Idempotency_Key="once")
    disconnect_while_google_is_down(briefly, one)
    today, later = clock.now().date(), clock.now() + timedelta(hours=1)
    usage.reserve(UserId(one.user), "left-over", today, Micros(1), later)
    return belongings


def disconnect_while_google_is_down(briefly: Briefly, one: Client) -> None:
    """So that a grant is left to be revoked later."""
    account = one.connect_google(briefly.unseen_mailbox(92))
    fault = {"match": {"path_prefix": "/revoke"}, "kind": "error", "status": 503, "times": None}
    briefly.control("google", "POST", "faults", fault)
    try:
        assert one.call("DELETE", f"/accounts/{account}", sensitive=True).json()["finishes_later"]
    finally:
        briefly.control("google", "DELETE", "faults")


def test_they_have_something_in_every_collection(somebody_with_everything: Belongings) -> None:
    used = {path.split("/")[place] for path in everything(somebody_with_everything.user) for place in _groups(path)}
    assert collections() - used == set()


def test_every_collection_is_declared_by_one_room_as_exported_or_with_the_reason_why_not() -> None:
    declared = [path.rpartition("/")[2] for part in PARTS for path in (*part.exported, *part.withheld)]
    assert sorted(declared) == sorted({*collections(), PROFILE})


def test_the_export_has_every_document_of_what_is_exported_and_nothing_of_what_is_not(
    somebody_with_everything: Belongings,
) -> None:
    one = somebody_with_everything.client
    exported = {path.rpartition("/")[2] for part in PARTS for path in part.exported}
    kept = documents(one, exported)
    archive = fetch(one)
    found = {
        entry["path"]: entry
        for name in archive.namelist()
        if name.endswith(".jsonl")
        for entry in map(json.loads, archive.read(name).splitlines())
    }
    # What is counted of the requests that are made for this very export changes under our hands.
    moving = ("exports/", "usage_", "spend_")
    assert {path for path in kept if not path.startswith(moving)} <= set(found)
    for path, document in kept.items():
        if not path.startswith(moving):
            assert found[path] == document, path
    text = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for path, secret in secrets(one):
        assert secret not in text, path


def test_when_they_are_deleted_nothing_names_them_any_more(
    briefly: Briefly, somebody_with_everything: Belongings
) -> None:
    one = somebody_with_everything.client
    assert objects(briefly, one.user)
    one.post("/users/me/deletion", {"confirmation": "delete everything"}, 202, sensitive=True)
    briefly.move_clock(LifecycleSettings().deletion_grace.total_seconds())
    briefly.run_schedule("begin-deletions")
    eventually(lambda: everything(one.user) == {} and not objects(briefly, one.user))
    briefly.move_clock(timedelta(hours=1).total_seconds())
    briefly.run_schedule("continue-deletions")
    eventually(lambda: not naming(one.user))
    words = [word for word in somebody_with_everything.own if word.startswith(("Name", "word", "Title", "acc_"))]
    assert words
    assert [word for word in words if naming(word)] == []


def documents(one: Client, groups: set[str]) -> dict[str, dict[str, Any]]:
    """The person's documents in these collections as an export has them, by path."""
    root = person(UserId(one.user))
    snapshots = [root.get()] + [
        snapshot for collection in root.collections() for snapshot in collection.recursive().stream()
    ]
    lines = (json.loads(line(one)) for one in snapshots if one.reference == root or one.reference.parent.id in groups)
    return {entry["path"]: entry for entry in lines}


def fetch(one: Client) -> zipfile.ZipFile:
    """A new export of the person."""
    export = one.post("/users/me/exports", None, 202, sensitive=True)["id"]
    eventually(lambda: one.get(f"/users/me/exports/{export}")["state"] == "ready")
    url = one.post(f"/users/me/exports/{export}/links", None, 201, sensitive=True)["url"]
    return zipfile.ZipFile(io.BytesIO(requests.get(url, timeout=30).content))


def secrets(one: Client) -> Iterator[tuple[str, str]]:
    """What may never leave: all texts and bytes of connecting and vault that are long enough to be told apart."""
    for path, document in everything(one.user).items():
        if "/pending_connections/" in path:
            yield path, document["code_verifier"]
        if "/keysets/" in path:
            yield path, str(document["wrapped"])[2:40]


def objects(briefly: Briefly, user: str) -> list[str]:
    """The names of the person's objects, in all buckets whose objects are people's."""
    endpoints = briefly.state.endpoints
    metadata = f"http://{endpoints.metadata['on-person']}/computeMetadata/v1/instance/service-accounts/default/token"
    token = requests.get(metadata, headers={"Metadata-Flavor": "Google"}, timeout=10).json()["access_token"]
    found: list[str] = []
    for name in BUCKETS:
        listing = requests.get(
            f"{endpoints.storage}/storage/v1/b/{bucket(name)}/o",
            params={"prefix": prefix(UserId(user))},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        found += [item["name"] for item in listing.json().get("items", [])]
    return found


def naming(word: str) -> list[str]:
    """The documents of collections that are nobody's which have the word in them, and of the marks of the deleted."""
    found = []
    for database in (Database.DEFAULT, Database.VAULT):
        for root in client(database).collections():
            if root.id == "users":
                continue
            for snapshot in root.stream():
                if word in snapshot.reference.path or word in str(snapshot.to_dict()):
                    found.append(snapshot.reference.path)
    return found


def _groups(path: str) -> range:
    """The places in a document's path at which collections stand, below the person."""
    return range(2, len(path.split("/")), 2)
