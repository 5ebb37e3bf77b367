"""One thing that goes wrong, as data: which control API is told what. `armed` puts the person's names in."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Where = Literal["front door", "provider", "models", "cloud", "stall"]
Draw = Callable[[random.Random], dict[str, Any]]


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong during a step. `wish` is what the control API is told, with `{names}` still open.

    `provider`: at which provider, or whose account it is about.
    """

    name: str
    where: Where
    wish: Mapping[str, Any]
    provider: str | None = None
    needs_stop: bool = False
    with_also: "Trouble | None" = None

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.wish.items())
        return f"{self.name} ({told})" + (f", together with {self.with_also}" if self.with_also else "")

    def armed(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The wish for one person: every `{name}` in it is replaced."""
        filled: dict[str, Any] = _filled(dict(self.wish), names)
        return filled

    @property
    def all(self) -> "tuple[Trouble, ...]":
        """This one and what goes with it."""
        return (self, *(self.with_also.all if self.with_also else ()))


@dataclass(frozen=True)
class Kind:
    """A way to fail at some steps; `provider` is set where only one provider can fail so."""

    name: str
    where: Where
    steps: tuple[str, ...]
    draw: Draw
    weight: int = 2
    provider: str | None = None
    needs_stop: bool = False
    also: "Kind | None" = None

    def trouble(self, rng: random.Random) -> Trouble:
        """One of this kind."""
        also = self.also.trouble(rng) if self.also else None
        return Trouble(self.name, self.where, self.draw(rng), self.provider, self.needs_stop, also)


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(inner, names) for key, inner in value.items()}
    return value
