"""People whose lives are full of faults, on real sockets against one local cloud: what must hold does hold.

A seed makes a schedule; `--fault-seed N` plays that one alone.
"""

import time
from collections.abc import Callable, Sequence

import pytest

from tests.briefly import Briefly
from tests.faults.evidence import whole_database
from tests.faults.invariants import PART_OF_TOKEN
from tests.faults.schedule import draw
from tests.faults.wave import Failed, Sea

PROVIDERS = ("google", "microsoft")
FEW = (20_088, 20_207, 20_399)
"""With accounts at Microsoft, at Google and at both; chosen for what goes wrong in them in a short time."""
MANY = range(20_000, 21_000)
AT_ONCE = 25


def play(briefly: Briefly, seeds: Sequence[int], tell: Callable[[str], None] = print) -> tuple[Sea, list[Failed]]:
    """Every seed's schedule, some at once; `tell` hears of each wave, so that a broken-off run is not lost."""
    failed: list[Failed] = []
    with Sea.on(briefly) as sea:
        for begin in range(0, len(seeds), AT_ONCE):
            wave, began = seeds[begin : begin + AT_ONCE], time.monotonic()
            found = sea.wave([draw(seed, PROVIDERS) for seed in wave])
            failed += found
            tell(f"seeds {wave[0]} to {wave[-1]} in {time.monotonic() - began:.0f} s, {len(found)} failed")
            if found:
                tell(report(found))
    return sea, failed


def report(failed: list[Failed]) -> str:
    return "\n\n".join(map(str, failed))


def test_a_few_lives(briefly: Briefly, fault_seed: int | None) -> None:
    _, failed = play(briefly, FEW if fault_seed is None else [fault_seed])
    assert not failed, report(failed)


@pytest.mark.long
def test_a_thousand_lives(briefly: Briefly, capsys: pytest.CaptureFixture[str]) -> None:
    def tell(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)  # noqa: T201

    sea, failed = play(briefly, MANY, tell)
    tell(str(sea.tally))
    assert not failed, report(failed)
    assert not readable(sea.tally.secrets)


def readable(secrets: dict[str, list[str]]) -> list[str]:
    """Which kinds of secrets can be read anywhere in the default database; each is looked for in all of it."""
    left = "\n".join(whole_database())
    return [kind for kind, values in secrets.items() if any(value[PART_OF_TOKEN] in left for value in values)]


def test_a_seed_makes_one_schedule_and_another_seed_another() -> None:
    assert draw(7, PROVIDERS) == draw(7, PROVIDERS)
    assert len({str(draw(seed, PROVIDERS)).partition("\n")[2] for seed in range(50)}) == 50


def test_the_few_lives_have_accounts_at_every_provider_and_at_all_of_them() -> None:
    assert {draw(seed, PROVIDERS).providers for seed in FEW} == {("google",), ("microsoft",), PROVIDERS}
