"""The last gate before a person reads what a model wrote."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A text that others wrote and a model has read, named as in the context."""

    ref: str
    text: str


class Guard:
    """Passes a model's output on, piece by piece, without what others smuggled into it."""

    def __init__(
        self,
        untrusted: Iterable[Block],
        *,
        trusted: Iterable[str] = (),
        allowed_links: Iterable[str] = (),
        allowed_addresses: Iterable[str] = (),
    ): ...

    def feed(self, text: str) -> str:
        """What may be shown by now."""
        return text

    def close(self) -> str:
        """The rest, when the model has ended."""
        return ""
