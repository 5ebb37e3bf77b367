"""The table of what the local cloud imitates says what its tests show: no more, and no less."""

import re
from pathlib import Path

from scripts.local.catalog import REPOSITORY
from tests.local.reached import libraries

TABLE = REPOSITORY / "scripts" / "local" / "FIDELITY.md"
TESTS = REPOSITORY / "tests" / "local"
# These are about programs of ours which imitate nobody.
OWN = {
    *("test_answering_models", "test_authority", "test_catalog", "test_clock", "test_emulators", "test_fidelity"),
    *("test_gateway", "test_lifecycle", "test_extractive_answers", "test_held_out_questions", "test_obedient_model"),
    *("test_generated_people", "test_preflight"),
}
WAYS = {
    "official client": (
        *("google.cloud", "google.auth", "google.oauth2", "googleapiclient", "msal", "msgraph_core"),
        *("openai", "anthropic", "standardwebhooks"),
    ),
    "plain HTTP": ("requests", "httpx", "httpx2", "http.client", "aiohttp", "urllib.request", "scripts.local.call"),
}
_ROW = re.compile(
    r"^\| (?P<behaviour>[^|]+) \|(?: <(?P<page>[^>]+)> \|)? (?P<way>[^|<\[]+) \|"
    r" \[(?P<module>\w+)\]\((?P<path>[^)]+)\) \|$"
)


def rows() -> list[re.Match[str]]:
    """The lines of all tables, without their heads."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    found = [_ROW.match(line) for line in lines if not line.startswith(("| behaviour", "| ---"))]
    assert all(found), [line for line, match in zip(lines, found, strict=False) if match is None]
    return [match for match in found if match is not None]


def name(behaviour: str) -> str:
    """What the test of a behaviour is called."""
    return "test_" + re.sub(r"[ -]", "_", re.sub(r"[’',]", "", behaviour.lower()))


def named_in(path: Path) -> set[str]:
    return set(re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_behaviour_is_shown_by_the_test_that_is_called_so() -> None:
    missing = [row["behaviour"] for row in rows() if name(row["behaviour"]) not in named_in(TABLE.parent / row["path"])]
    assert missing == []


def test_every_imitated_behaviour_names_its_vendors_page() -> None:
    imitated = TABLE.read_text(encoding="utf-8").partition("## On command")[0]
    without = [row.string for row in rows() if row.string in imitated and not str(row["page"]).startswith("https://")]
    assert without == []


def way(row: re.Match[str]) -> str:
    """What the test of a row and its fixtures work with."""
    reached = libraries((TABLE.parent / row["path"]).resolve(), name(row["behaviour"]))

    def any_of(packages: tuple[str, ...]) -> bool:
        return any(f"{one}.".startswith(f"{package}.") for one in reached for package in packages)

    ways = [words for words, packages in WAYS.items() if any_of(packages)]
    return " and ".join(ways) or "in process"


def test_every_row_says_with_what_its_test_works() -> None:
    wrong = [(row["behaviour"], row["way"], way(row)) for row in rows() if row["way"] != way(row)]
    assert wrong == []


def test_every_test_of_an_emulator_stands_in_the_table() -> None:
    listed = {(Path(row["path"]).name, name(row["behaviour"])) for row in rows()}
    shown = {(path.name, test) for path in TESTS.rglob("test_*.py") if path.stem not in OWN for test in named_in(path)}
    assert sorted(shown - listed) == []
