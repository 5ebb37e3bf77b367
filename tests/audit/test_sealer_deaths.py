"""Each entry is sealed once and each seal proved once, whichever sealer dies, and however many work at once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lib.audit import store
from tests.audit.conftest import Somebody
from tests.audit.sealers import DeadlyProxy, Moment, Sealer, deadly_proxy, sealer
from tests.briefly import Briefly

ENTRIES = 3
COMMITS = ("the first seal", "the second seal", "the head with its plan", "the proofs", "the end of the plan")
"""What a sealer writes to Firestore for two people. The head goes to the bucket between its plan and the proofs."""


@pytest.fixture(scope="module")
def living(briefly: Briefly) -> Iterator[Sealer]:
    """A sealer that nobody kills."""
    with sealer(briefly) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(briefly: Briefly) -> Iterator[DeadlyProxy]:
    with deadly_proxy(briefly) as running:
        yield running


@pytest.fixture
def two(living: Sealer, newcomer: Callable[[], Somebody]) -> list[Somebody]:
    """Two people with entries that wait; of nobody else anything waits."""
    assert living.seal()
    people = [newcomer(), newcomer()]
    for person in people:
        person.write(ENTRIES)
    return people


def assert_sealed_once(person: Somebody, entries: int = ENTRIES) -> None:
    report = person.verification()
    assert report["findings"] == []
    assert (report["entries"], report["waiting_entries"], report["waiting_seals"]) == (entries, 0, 0)
    assert report["attested_seals"] == report["seals"]


def test_a_sealer_makes_these_commits(briefly: Briefly, two: list[Somebody], proxy: DeadlyProxy) -> None:
    with sealer(briefly, proxy.host) as one:
        proxy.expect(one.process, 0, "before")
        assert one.seal()
    assert proxy.commits == len(COMMITS)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("commit", COMMITS)
def test_what_a_dead_sealer_left_comes_to_the_same_end(
    briefly: Briefly, two: list[Somebody], living: Sealer, proxy: DeadlyProxy, commit: str, moment: Moment
) -> None:
    with sealer(briefly, proxy.host) as victim:
        proxy.expect(victim.process, COMMITS.index(commit) + 1, moment)
        assert not victim.seal()
    newest = store.newest_head()[0]
    assert living.seal()
    for person in two:
        assert_sealed_once(person)
        assert person.verification()["seals"] == 1
    had_head = COMMITS.index(commit) > 2 or (commit == "the head with its plan" and moment == "after")
    assert store.newest_head()[0] == newest + (not had_head)
    assert not list(store.plans())


def test_sealers_at_once_seal_each_entry_once(briefly: Briefly, newcomer: Callable[[], Somebody]) -> None:
    people = [newcomer() for _ in range(4)]
    written = 0
    with ExitStack() as stack:
        sealers = [stack.enter_context(sealer(briefly)) for _ in range(3)]
        assert all(one.seal() for one in sealers)
        for _ in range(4):
            for person in people:
                person.write(ENTRIES)
            written += ENTRIES
            for one in sealers:
                one.begin()
            # They do so while the sealers work.
            for person in people:
                person.write(1)
            written += 1
            assert [one.ended() for one in sealers] == [True] * len(sealers)
        assert sealers[0].seal()
    for person in people:
        assert_sealed_once(person, written)
