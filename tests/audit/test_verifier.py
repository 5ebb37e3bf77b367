"""Whatever is altered in an exported log is found and named, by the program that the export carries, run by itself."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.audit import export, verify
from tests.audit.conftest import Somebody

Document = dict[str, Any]
Change = Callable[[Document], None]
HASH = "0" * 64


@pytest.fixture(scope="module")
def exported(newcomer: Callable[[], Somebody]) -> Document:
    """A log with three seals under three heads, and an entry that waits."""
    person = newcomer()
    for _ in range(3):
        person.write(3)
        person.seal()
        newcomer().write()
    person.write(1)
    return dict(json.loads("".join(export.document(person.user))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person unpacks: the program beside the log."""
    folder = tmp_path_factory.mktemp("unpacked")
    (folder / export.VERIFIER).write_text(export.verifier(), encoding="utf-8")
    return folder


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Runs the program on documents, without anything that is installed beside Python."""

    def run(*documents: Any) -> "subprocess.CompletedProcess[str]":
        names = [f"{number}.json" for number in range(len(documents))]
        for name, document in zip(names, documents, strict=True):
            (folder / name).write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-I", "-S", export.VERIFIER, *names]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return run


def places(report: Document) -> set[str]:
    return {finding["place"] for finding in report["findings"]}


def entry(document: Document, link: int = 1, place: int = 1) -> Document:
    return dict(document["chain"][link]["entries"][place])


def name(document: Document, link: int = 1, place: int = 1) -> str:
    return f"entry {document['chain'][link]['entries'][place]['id']}"


def test_an_export_that_nobody_touched_is_intact(exported: Document, run: Run) -> None:
    done = run(exported)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["findings"], report["entries"], report["seals"], report["attested_seals"]) == ([], 9, 3, 3)
    assert (report["waiting_entries"], report["limits"]) == (1, verify.LIMITS)
    assert len(report["key_fingerprints"]) == 1


def altered(value: Any) -> Iterator[Any]:
    """Other values of the same kind, and one of another."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1, str(value), bool(value), float(value))
        case str():
            yield from (f"{value}x", value[:-1] if value else "x", value.swapcase() if value != value.swapcase() else 1)
        case _:
            yield from (None, [], {})


def fields(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything that is no list or dictionary."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from fields(each, (*at, key))
        return
    yield at


def put(document: Document, path: tuple[Any, ...], value: Any) -> Document:
    changed = copy.deepcopy(document)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def get(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def where(document: Document, path: tuple[Any, ...]) -> str:
    """How a finding about this field may begin."""
    match path:
        case ("chain", link, "entries", place, *_):
            return name(document, link, place)
        case ("chain", link, part, *_):
            return f"seal {link + 1}" if part == "seal" else f"proof of seal {link + 1}"
        case ("heads", place, *_):
            return f"head {document['heads'][place]['number']}"
        case ("waiting" | "loose", place, *_):
            return f"entry {document[path[0]][place]['id']}"
    raise AssertionError(path)


def test_each_altered_field_is_found_and_named(exported: Document) -> None:
    looked_at = 0
    for path in fields(exported):
        if path[0] in ("chain", "heads", "waiting", "loose") and path[-1] != "awaits_proof":
            for other in altered(get(exported, path)):
                report = verify.verified(put(exported, path, other))
                assert not report["intact"], (path, other)
                number = any(path[-1] == field for field in ("number", "id"))
                assert number or where(exported, path) in places(report), (path, other, report["findings"])
                looked_at += 1
    assert looked_at > 500


@pytest.mark.parametrize("part", ["seal", "proof", "entries", "head", "signature"])
def test_each_altered_field_is_found_by_the_program_itself(exported: Document, run: Run, part: str) -> None:
    starts: dict[str, tuple[Any, ...]] = {
        "seal": ("chain", 1, "seal"),
        "proof": ("chain", 1, "proof"),
        "entries": ("chain", 1, "entries", 1),
        "head": ("heads", 0),
        "signature": ("heads", 0, "signature"),
    }
    start = starts[part]
    for path in fields(get(exported, start), start):
        other = next(altered(get(exported, path)))
        done = run(put(exported, path, other))
        assert done.returncode == 1, (path, other, done.stdout, done.stderr)
        assert path[-1] in ("number", "id") or where(exported, path) in places(json.loads(done.stdout)), path


def test_each_field_that_is_missing_or_added_is_found(exported: Document) -> None:
    objects = {path[:-1] for path in fields(exported) if path[0] in ("chain", "heads", "waiting", "loose")}
    for path in sorted(objects, key=str):
        value = get(exported, path)
        if isinstance(value, dict) and "awaits_proof" not in value:
            for key in value:
                without = {other: each for other, each in value.items() if other != key}
                assert not verify.verified(put(exported, path, without))["intact"], (path, key)
            assert not verify.verified(put(exported, path, {**value, "more": "x"}))["intact"], path


def drop_entry(document: Document) -> None:
    del document["chain"][1]["entries"][1]


def drop_last_entries(document: Document) -> None:
    document["chain"][2]["entries"].clear()


def reorder_entries(document: Document) -> None:
    document["chain"][1]["entries"].reverse()


def move_entry(document: Document) -> None:
    document["chain"][0]["entries"].append(document["chain"][1]["entries"].pop(0))


def repeat_entry(document: Document) -> None:
    document["chain"][1]["entries"].append(entry(document))


def insert_entry(document: Document) -> None:
    document["chain"][1]["entries"].append(entry(document) | {"id": "aud_new"})


def insert_loose_entry(document: Document) -> None:
    document["loose"].append(entry(document) | {"id": "aud_new"})


def drop_waiting_entry(document: Document) -> None:
    document["loose"].clear()


def drop_what_waits(document: Document) -> None:
    document["waiting"].clear()


def drop_seal(document: Document) -> None:
    del document["chain"][1]


def drop_first_seal(document: Document) -> None:
    del document["chain"][0]


def reorder_seals(document: Document) -> None:
    document["chain"][0], document["chain"][1] = document["chain"][1], document["chain"][0]


def repeat_seal(document: Document) -> None:
    document["chain"].insert(1, document["chain"][1])


def insert_seal(document: Document) -> None:
    """One that follows as it should, with all that anybody can compute."""
    last = document["chain"][2]["seal"]
    written = entry(document) | {"id": "aud_new"}
    seal = last | {
        "number": 4,
        "previous": last["hash"],
        "entries": [{"id": "aud_new", "hash": verify.hash_of("entry", written)}],
    }
    seal["hash"] = verify.hash_of("seal", seal)
    document["chain"].append({"seal": seal, "entries": [written], "proof": None, "awaits_proof": False})


def rewrite_history(document: Document) -> None:
    """An entry, with everything after it made to fit but for what is signed."""
    document["chain"][1]["entries"][1]["purpose"] = "another one"
    previous = document["chain"][0]["seal"]["hash"]
    for link in document["chain"][1:]:
        hashes = [{"id": each["id"], "hash": verify.hash_of("entry", each)} for each in link["entries"]]
        link["seal"] |= {"previous": previous, "entries": hashes}
        previous = link["seal"]["hash"] = verify.hash_of("seal", link["seal"])


def drop_proof(document: Document) -> None:
    document["chain"][2]["proof"] = None


def drop_proof_between(document: Document) -> None:
    document["chain"][1] |= {"proof": None, "awaits_proof": True}


def swap_proofs(document: Document) -> None:
    first, second = document["chain"][0], document["chain"][1]
    first["proof"], second["proof"] = second["proof"], first["proof"]


def drop_head(document: Document) -> None:
    del document["heads"][0]


def drop_newest_head(document: Document) -> None:
    del document["heads"][-1]


def reorder_heads(document: Document) -> None:
    document["heads"].reverse()


def repeat_head(document: Document) -> None:
    document["heads"].append(document["heads"][-1])


def forge_head(document: Document) -> None:
    """Another root in the newest head, with its hash made to fit."""
    head = document["heads"][-1]
    head["root"] = HASH
    head["hash"] = verify.hash_of("head", head)


def drop_key(document: Document) -> None:
    document["public_keys"].clear()


def other_person(document: Document) -> None:
    document["person"] = "0" * 24


TAMPERINGS: dict[Change, tuple[str, str]] = {
    drop_entry: ("{entry}", "is named by seal 2, but is not there"),
    drop_last_entries: ("{last}", "is named by seal 3, but is not there"),
    reorder_entries: ("seal 2", "has its entries in another order"),
    move_entry: ("{moved}", "stands under seal 1, which does not name it"),
    repeat_entry: ("seal 2", "has an entry twice"),
    insert_entry: ("entry aud_new", "stands under seal 2, which does not name it"),
    insert_loose_entry: ("entry aud_new", "is in no seal and does not wait for one"),
    drop_waiting_entry: ("{waiting}", "waits for a seal, but is not there"),
    drop_what_waits: ("{waiting}", "is in no seal and does not wait for one"),
    drop_seal: ("seal 3", "stands where seal 2 should"),
    drop_first_seal: ("seal 2", "does not follow the seal before it"),
    reorder_seals: ("seal 2", "stands where seal 1 should"),
    repeat_seal: ("seal 2", "stands where seal 3 should"),
    insert_seal: ("seal 4", "has no proof and does not wait for one"),
    rewrite_history: ("proof of seal 2", "does not lead to the root of head {head}"),
    drop_proof: ("seal 3", "has no proof and does not wait for one"),
    drop_proof_between: ("seal 2", "has no proof, though a later one has"),
    swap_proofs: ("proof of seal 1", "is of another seal"),
    drop_head: ("proof of seal 1", "leads to head {first_head}, which is not there"),
    drop_newest_head: ("head {newest}", "is the newest one, and is not there"),
    reorder_heads: ("head {first_head}", "stands after a later one, or is there twice"),
    repeat_head: ("head {newest}", "stands after a later one, or is there twice"),
    forge_head: ("head {newest}", "is not signed by its key"),
    drop_key: ("head {newest}", "is signed with a key that is not at hand"),
    other_person: ("seal 1", "is of another person"),
}


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda change: change.__name__.replace("_", " "))
def test_tampering_is_found_and_named(exported: Document, run: Run, tamper: Change) -> None:
    changed = copy.deepcopy(exported)
    tamper(changed)
    done = run(changed)
    assert done.returncode == 1, done.stdout + done.stderr
    names = {
        "entry": name(exported),
        "last": name(exported, 2, 0),
        "moved": name(exported, 1, 0),
        "waiting": f"entry {exported['waiting'][0]['id']}",
        "head": exported["chain"][1]["proof"]["head"],
        "first_head": exported["chain"][0]["proof"]["head"],
        "newest": exported["newest_head"],
    }
    place, problem = TAMPERINGS[tamper]
    assert {"place": place.format(**names), "problem": problem.format(**names)} in json.loads(done.stdout)["findings"]


def test_seals_that_were_removed_with_their_entries_are_missed_in_a_later_copy(exported: Document, run: Run) -> None:
    later = copy.deepcopy(exported)
    del later["chain"][2]
    later["waiting"], later["loose"] = [], []
    # What nobody has an earlier copy of, nobody can miss.
    assert run(later).returncode == 0
    done = run(later, exported)
    assert done.returncode == 1
    waiting = f"entry {exported['waiting'][0]['id']}"
    assert places(json.loads(done.stdout)) == {"seal 3", waiting}
    assert run(exported, exported).returncode == 0


def test_what_waits_for_longer_than_it_should_is_found(exported: Document) -> None:
    late = exported | {"read_at": "2999-01-01T00:00:00.000000Z"}
    assert places(verify.verified(late)) == {f"entry {exported['waiting'][0]['id']}"}
    late["chain"] = [*exported["chain"][:2], exported["chain"][2] | {"proof": None, "awaits_proof": True}]
    assert "seal 3" in places(verify.verified(late))


@pytest.mark.parametrize(
    "wrong", [[], {}, "x", None, {"format": 2}, {"format": 1, "chain": 5}], ids=lambda wrong: json.dumps(wrong)
)
def test_what_is_no_log_is_refused(run: Run, wrong: Any) -> None:
    done = run(wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cannot be read")


@pytest.mark.parametrize("format", [0, 2, "1", None])
def test_an_unknown_format_is_refused(exported: Document, run: Run, format: Any) -> None:
    assert run(exported | {"format": format}).returncode == 2


def test_an_entry_of_an_unknown_version_is_not_taken_for_one_that_is_known(exported: Document) -> None:
    report = verify.verified(put(exported, ("chain", 1, "entries", 1, "version"), 2))
    assert {"place": name(exported), "problem": "is of an unknown version"} in report["findings"]
