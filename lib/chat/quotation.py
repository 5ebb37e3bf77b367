"""Quotation marks around words that others wrote, in a text that has marks of its own."""

import re
from enum import Enum

OPENING = "“"
CLOSING = "”"
_OPENERS = '"„«‹'
_CLOSERS = '"“”»›'
_SENTENCE_ENDS = ".!?…"
_QUOTED = re.compile(f"{OPENING}([^{OPENING}{CLOSING}]*){CLOSING}")


def quotations(text: str) -> list[str]:
    """What stands between the marks of a text that has passed the guard."""
    return _QUOTED.findall(text)


class _State(Enum):
    OUTSIDE = "outside"
    OURS = "ours"
    """Within a quotation that we have opened."""
    THEIRS = "theirs"
    """Within one that the text itself has opened with our kind of mark."""


class Quotation:
    """Takes words in order, each with what stands before it; gives the text with marks.

    A quotation stays within its line, so that it cannot tie Markdown's blocks together: it is closed before a line
    break and opened anew. Marks that the text has directly around a run become its marks. Marks within a run go, since
    they could close it early.
    """

    def __init__(self) -> None:
        self._state = _State.OUTSIDE
        self._low = False
        """A „ was opened, which a “ closes."""
        self._tainted = False
        """The text's own quotation holds words that have to stay in one."""
        self._adopted = False
        """Our quotation took over the text's own opening mark, so that it takes over the closing one too."""

    def add(self, gap: str, word: str, quoted: bool) -> str:
        """The gap and the word, with the marks that belong there."""
        if self._state is _State.OURS:
            before = self._within(gap) if quoted else self._closed(gap)
        else:
            before = self._outside(gap)
        if not quoted or self._state is _State.OURS:
            return before + word
        if self._state is _State.THEIRS:
            self._tainted = True
            return before + word
        return self._opened(before) + word

    def close(self, gap: str) -> str:
        """What follows the last word."""
        if self._state is _State.OURS:
            return self._closed(gap)
        rest = self._outside(gap)
        return rest + CLOSING if self._state is _State.THEIRS and self._tainted else rest

    def _opened(self, before: str) -> str:
        self._state = _State.OURS
        self._adopted = before.endswith(tuple(_OPENERS))
        if self._adopted:
            self._low = False
            before = before[:-1]
        return before + OPENING

    def _within(self, gap: str) -> str:
        line, newline, rest = gap.partition("\n")
        if newline:
            closed = self._closed(line)
            return self._opened(closed + self._outside(newline + rest))
        return gap.replace(OPENING, "").replace(CLOSING, "")

    def _closed(self, gap: str) -> str:
        """The gap after our quotation, with its closing mark where it reads best."""
        self._state = _State.OUTSIDE
        after = 1 if gap.startswith(tuple(_SENTENCE_ENDS)) else 0
        if self._adopted and gap[after:].startswith(tuple(_CLOSERS)):
            return gap[:after] + CLOSING + self._outside(gap[after + 1 :])
        end = 1 if gap.startswith(("!", "?")) else 0
        return gap[:end] + CLOSING + self._outside(gap[end:])

    def _outside(self, gap: str) -> str:
        """A gap outside our quotations, with the text's own marks understood."""
        output: list[str] = []
        for character in gap:
            if character == "\n":
                if self._state is _State.THEIRS and self._tainted:
                    output.append(CLOSING)
                self._state, self._low = _State.OUTSIDE, False
            elif character == "„":
                self._low = True
            elif character == OPENING and self._low:
                self._low = False
            elif character == OPENING:
                if self._state is _State.THEIRS and self._tainted:
                    output.append(CLOSING)
                self._state, self._tainted = _State.THEIRS, False
            elif character == CLOSING:
                self._state, self._low = _State.OUTSIDE, False
            output.append(character)
        return "".join(output)
