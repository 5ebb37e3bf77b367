"""A text as words and the spaces between them, while it streams by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from lib.chat.signs import Sign


@dataclass(slots=True)
class Piece:
    """A word, or the space between two words; the last one may not have ended yet."""

    is_space: bool
    signs: list[Sign] = field(default_factory=list)
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """From a sign of the first piece up to a sign of another one."""

    start: int
    piece: int
    end: int


class Undecided(Enum):
    """What follows decides."""

    YET = "yet"


class Pieces:
    """The pieces that are not decided upon."""

    def __init__(self) -> None:
        self.all: list[Piece] = []
        self.final = False
        """Nothing follows any more."""

    def add(self, sign: Sign) -> None:
        """The next sign."""
        seen = sign.seen
        is_space = seen.isspace()
        last = self.all[-1] if self.all else None
        if last is None or last.is_space != is_space or (seen >= _WIDE and not is_space and _parts(last.signs, sign)):
            if last is not None:
                last.ended = True
            last = Piece(is_space)
            self.all.append(last)
        last.signs.append(sign)

    def close(self) -> None:
        """There is no more."""
        self.final = True
        if self.all:
            self.all[-1].ended = True

    def take(self, stretch: Stretch) -> list[Sign]:
        """Remove the stretch; gives what was before it in the first piece. What comes after it begins a new word."""
        before = self.all[0].signs[: stretch.start]
        last = self.all[stretch.piece]
        rest = last.signs[stretch.end :]
        self.all[: stretch.piece + 1] = [Piece(is_space=False, signs=rest, ended=last.ended)] if rest else []
        return before


_WIDE = "\u3040"
"""No sign below begins a script without spaces."""


def _parts(signs: Sequence[Sign], following: Sign) -> bool:
    """Whether a word ends between two signs of a script that has no spaces, so that it need not be waited for."""
    return _is_wide(signs[-1]) and _is_wide(following)


def _is_wide(sign: Sign) -> bool:
    """Han, kana or hangul: such a sign is a word of its own next to another."""
    return len(sign.seen) == 1 and ("\u3040" <= sign.seen <= "\u9fff" or "\uac00" <= sign.seen <= "\ud7af")
