"""A copy of everything that is a person's: made in steps, fetched by a link that expires, whole and checkable."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.lifecycle.exports import LINK_VALID, MOST_A_DAY
from lib.lifecycle.settings import LifecycleSettings
from lib.maintenance.export_steps import ASSEMBLE, STUCK_AFTER
from lib.maintenance.parts import PARTS
from tests.asking import answer, ask
from tests.briefly import PATIENCE_SECONDS, Briefly, Client, eventually

ROOMS = [part.room for part in PARTS]
STEPS = [*ROOMS, ASSEMBLE]
MANY_SECONDS = 4 * PATIENCE_SECONDS
TROUBLES = ("kill_before", "lose_answer", "kill", "twice")
FEW_TROUBLES = ("lose_answer", "kill")


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def begin(person: Client) -> str:
    return str(person.post("/users/me/exports", None, 202, sensitive=True)["id"])


def made(person: Client, export: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """The export, when it is made."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = person.get(f"/users/me/exports/{export}")
        return found if found["state"] != "running" else None

    return eventually(look, seconds)


def link(person: Client, export: str) -> str:
    return str(person.post(f"/users/me/exports/{export}/links", None, 201, sensitive=True)["url"])


def fetched(person: Client, export: str) -> zipfile.ZipFile:
    answered = requests.get(link(person, export), timeout=30)
    assert answered.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answered.content))


def rows(archive: zipfile.ZipFile, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(path).decode().splitlines()]


def test_what_was_said_and_connected_is_in_the_export_and_its_manifest_proves_every_file(
    briefly: Briefly, person: Client
) -> None:
    account = person.connect_google(briefly.unseen_mailbox(83))
    _, posted = ask(person, "Is this kept?")
    answer(person, posted["run"]["id"])
    export = begin(person)
    done = made(person, export)
    assert (done["state"], done["parts_done"], done["parts_total"]) == ("ready", len(ROOMS), len(ROOMS))
    content = requests.get(link(person, export), timeout=30).content
    assert (len(content), hashlib.sha256(content).hexdigest()) == (done["bytes"], done["sha256"])
    archive = zipfile.ZipFile(io.BytesIO(content))
    manifest = json.loads(archive.read("manifest.json"))
    assert {file["path"] for file in manifest["files"]} == set(archive.namelist()) - {"manifest.json", "README.txt"}
    for file in manifest["files"]:
        stored = archive.read(file["path"])
        assert (file["bytes"], file["sha256"]) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert "Is this kept?" in [row["text"] for row in rows(archive, "chat/messages.jsonl")]
    assert [row["id"] for row in rows(archive, "accounts/accounts.jsonl")] == [account]
    assert manifest["not_contained"]["sealed_tokens"]


def test_the_audit_log_in_an_export_is_checked_by_the_program_beside_it(
    briefly: Briefly, person: Client, tmp_path: Path
) -> None:
    person.connect_google(briefly.unseen_mailbox(84))
    briefly.run_schedule("seal-audit")
    eventually(lambda: person.get("/users/me/audit/verification")["attested_seals"])
    export = begin(person)
    made(person, export)
    fetched(person, export).extractall(tmp_path)
    command = [sys.executable, "-I", "verify_audit.py", "audit.json"]
    checked = subprocess.run(command, cwd=tmp_path / "audit", capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    log = (tmp_path / "audit" / "audit.json").read_text()
    (tmp_path / "audit" / "audit.json").write_text(log.replace('"kept"', '"lost"'))
    assert subprocess.run(command, cwd=tmp_path / "audit", capture_output=True).returncode == 1


def test_whoever_wants_to_be_told_of_a_ready_export_is_told_once(briefly: Briefly, person: Client) -> None:
    again = {"function": "on-person", "kind": "lose_answer", "text": f'{person.user}","subject"', "skip": len(ROOMS)}
    briefly.control("runner", "POST", "mishaps", again)
    export = begin(person)
    made(person, export)
    (notice,) = eventually(lambda: person.get("/users/me/notices")["notices"])
    assert (notice["about"], notice["subject"], notice["read_at"]) == ("export-ready", export, None)
    assert person.call("POST", f"/users/me/notices/{notice['id']}/read").status_code == 204
    assert person.get("/users/me/notices")["notices"][0]["read_at"]
    quiet = briefly.sign_up()
    wish = {"notifications": {"accounts": {"in_app": False}}}
    assert quiet.call("PATCH", "/users/me/preferences", wish).status_code == 200
    made(quiet, begin(quiet))
    assert quiet.get("/users/me/notices") == {"notices": [], "next_cursor": None}


def test_a_link_is_good_for_a_while_and_the_export_for_some_days(briefly: Briefly, person: Client) -> None:
    export = begin(person)
    made(person, export)
    url = link(person, export)
    briefly.move_clock(LINK_VALID.total_seconds() + 1)
    assert requests.get(url, timeout=30).status_code == 400
    assert fetched(person, export).testzip() is None
    briefly.move_clock(LifecycleSettings().exports_kept.total_seconds())
    assert person.call("GET", f"/users/me/exports/{export}").status_code == 404
    assert person.get("/users/me/exports") == {"exports": []}


def test_an_export_that_is_being_made_is_not_begun_a_second_time_nor_fetched(briefly: Briefly, person: Client) -> None:
    briefly.control("runner", "POST", "mishaps", {"function": "on-person", "kind": "refuse", "text": person.user})
    export = begin(person)
    assert begin(person) == export
    early = person.call("POST", f"/users/me/exports/{export}/links", sensitive=True)
    assert (early.status_code, early.json()["type"]) == (409, "urn:briefly:problem:export-not-ready")
    assert made(person, export)["state"] == "ready"


def test_more_than_a_few_exports_a_day_are_refused(briefly: Briefly, person: Client) -> None:
    for _ in range(MOST_A_DAY):
        made(person, begin(person))
    refused = person.call("POST", "/users/me/exports", sensitive=True)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
    briefly.move_clock(timedelta(days=1).total_seconds())
    begin(person)


@pytest.mark.parametrize("troubles", [FEW_TROUBLES, pytest.param(TROUBLES, marks=pytest.mark.long)])
def test_exports_that_die_at_any_step_are_made_all_the_same(briefly: Briefly, troubles: tuple[str, ...]) -> None:
    begun: list[tuple[Client, str]] = []
    for place, trouble in product(range(len(STEPS)), troubles):
        person = briefly.sign_up()
        person.post("/chat/conversations", {"title": "Once and whole"}, 201)
        mishap = {"function": "on-person", "kind": trouble, "text": person.user, "skip": place}
        briefly.control("runner", "POST", "mishaps", mishap)
        begun.append((person, begin(person)))
    for person, export in begun:
        assert made(person, export, MANY_SECONDS)["state"] == "ready"
        archive = fetched(person, export)
        assert archive.testzip() is None
        assert [row["title"] for row in rows(archive, "chat/conversations.jsonl")] == ["Once and whole"]


def test_an_export_whose_event_was_lost_goes_on_within_the_hour(briefly: Briefly, person: Client) -> None:
    refused = {"function": "on-person", "kind": "refuse", "text": person.user, "times": 11}
    briefly.control("runner", "POST", "mishaps", refused)
    export = begin(person)
    briefly.control("runner", "DELETE", "mishaps")
    briefly.move_clock(STUCK_AFTER.total_seconds())
    briefly.run_schedule("continue-exports")
    assert made(person, export)["state"] == "ready"
