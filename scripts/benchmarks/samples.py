"""The arithmetic of measurements, and the order in which rivals are measured."""

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TypeVar

_T = TypeVar("_T")


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that this share of all does not exceed (the nearest rank). Raises ValueError without any."""
    if not samples:
        raise ValueError("nothing was measured")
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median against median."""
    return median(ours) / median(theirs)


def interleaved(rivals: Sequence[_T], rounds: int) -> Iterator[_T]:
    """Each rival once a round, in an order that turns each time: what slows the machine down hits all alike."""
    for number in range(rounds):
        yield from rivals if number % 2 == 0 else reversed(rivals)
