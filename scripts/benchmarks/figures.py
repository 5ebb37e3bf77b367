"""What a part of the benchmarks found, ready to be written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Target:
    """What a figure has to keep to, in its own unit."""

    bound: float
    kind: Literal["at most", "at least"] = "at most"

    def is_met_by(self, value: float) -> bool:
        """Whether the value keeps to it."""
        return value <= self.bound if self.kind == "at most" else value >= self.bound


@dataclass(frozen=True)
class Figure:
    """A measured value; without a target it is only recorded."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    digits: int = 2

    def shown(self, value: float) -> str:
        """A value in the figure's unit: `1.32×`, `2.10 ms`, `18`."""
        space = "" if self.unit in ("×", "") else " "
        return f"{value:.{self.digits}f}{space}{self.unit}"

    @property
    def is_missed(self) -> bool:
        """Whether it has a target and does not keep to it."""
        return self.target is not None and not self.target.is_met_by(self.value)

    @property
    def verdict(self) -> str:
        """Target and outcome in words."""
        if self.target is None:
            return "recorded"
        kept = "**missed**" if self.is_missed else "met"
        return f"{self.target.kind} {self.shown(self.target.bound)}: {kept}"


@dataclass(frozen=True)
class Table:
    """The measurements behind the figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """One benchmark. `question`, `method` and `conclusions` are Markdown; `conclusions` follow from the figures."""

    title: str
    question: str
    method: str
    figures: Sequence[Figure]
    tables: Sequence[Table] = ()
    conclusions: Sequence[str] = field(default_factory=tuple)
