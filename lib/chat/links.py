"""The first half of the guard: only links and addresses that are allowed get through, as a text streams by.

Words are judged whole, so what streams is held back up to the end of a word, and longer while it may be the beginning
of something that is spelled out (`x at y dot z`) or broken up.
"""

import re
from collections.abc import Iterable, Iterator

from lib.chat.known_links import KnownLinks
from lib.chat.link_shapes import Found, Kind, Word
from lib.chat.signs import Sign, note, written
from lib.chat.spelled_links import spelled_out
from lib.chat.words import Pieces, Stretch, Undecided

NOTES: dict[Kind, str] = {
    "link": "[link removed]",
    "address": "[address removed]",
    "encoded": "[encoded text removed]",
}
TOO_LONG = "[text removed]"
LONGEST_WORD = 2048
_FENCE = re.compile(r"`{3,}|~{3,}")
_TAG = re.compile(r"[A-Za-z/!?]")


class LinkFilter:
    """Reads signs, gives signs. Allowed links pass exactly as they are listed, with or without their `https://`.

    `known` are the links of untrusted texts, which are found even where they do not look like links.
    """

    def __init__(self, known: KnownLinks, *, links: Iterable[str] = (), addresses: Iterable[str] = ()):
        allowed = set(links)
        self._links = allowed | {link.removeprefix("https://") for link in allowed}
        self._addresses = {address.lower() for address in addresses}
        self._known = known
        self._pieces = Pieces()
        self._at_line_start = True
        self._fence: str | None = None
        self._expects: str | None = None
        """The last word ended in what Markdown follows with a destination: `](` or `]:`."""
        self._dropping = False
        self.removed = 0
        """How many links, addresses and hidden texts were removed so far."""

    def feed(self, signs: Iterable[Sign]) -> list[Sign]:
        """What is decided by now."""
        for sign in signs:
            self._pieces.add(sign)
        return self._decided()

    def close(self) -> list[Sign]:
        """The rest."""
        self._pieces.close()
        return self._decided()

    def _decided(self) -> list[Sign]:
        output: list[Sign] = []
        while self._pieces.all:
            piece = self._pieces.all[0]
            if piece.is_space:
                self._dropping = False
                self._at_line_start = self._at_line_start or any("\n" in sign.seen for sign in piece.signs)
                output += self._pieces.all.pop(0).signs
            elif self._dropping or len(piece.signs) > LONGEST_WORD:
                output += self._drop()
            else:
                passed = self._word() if piece.ended else None
                if passed is None:
                    break
                output += passed
        return output

    def _drop(self) -> list[Sign]:
        """Nothing legible is that long; it may only hide something from us."""
        self._pieces.all.pop(0)
        begun, self._dropping = self._dropping, True
        return [] if begun else self._removed(TOO_LONG)

    def _word(self) -> list[Sign] | None:
        """What becomes of the first word; None while that depends on what follows."""
        signs = self._pieces.all[0].signs
        word = Word(signs)
        found = list(self._found(word))
        spared = [one for one in found if self._is_allowed(one, signs)] if found else []
        known = self._known.within(self._pieces, found, spared)
        if known is Undecided.YET:
            return None
        if isinstance(known, tuple):
            return self._without(known[1], known[0])
        spelled = None if spared else spelled_out(self._pieces)
        if spelled is Undecided.YET:
            return None
        if isinstance(spelled, tuple):
            return self._without(spelled[1], spelled[0])
        self._pieces.all.pop(0)
        self._expects = "](" if word.text.endswith("](") else "]:" if word.text.endswith("]:") else None
        return self._inert(signs, found, spared)

    def _without(self, stretch: Stretch, kind: Kind) -> list[Sign]:
        before = self._pieces.take(stretch)
        found = list(Word(before).found())
        output = self._inert(before, found, [one for one in found if self._is_allowed(one, before)])
        self._expects = None
        return output + self._removed(NOTES[kind])

    def _found(self, word: Word) -> Iterator[Found]:
        end = 0
        if self._expects is not None:
            destination = word.destination(defined=self._expects == "]:")
            if destination is not None:
                yield destination
                end = destination.end
        yield from (one for one in word.found() if one.start >= end)

    def _is_allowed(self, found: Found, signs: list[Sign]) -> bool:
        text = written(signs[found.start : found.end])
        if found.kind == "address" or text.lower().startswith("mailto:"):
            return text.lower().removeprefix("mailto:") in self._addresses
        return text in self._links or text.strip("<>") in self._links

    def _inert(self, signs: list[Sign], found: list[Found], spared: list[Found]) -> list[Sign]:
        """The word with notes for its links, and nothing in it that makes an image or a tag."""
        text = written(signs)
        in_code = self._in_code(text)
        if not found and "!" not in text and "<" not in text:
            return signs
        links = {one.start for one in spared}
        output: list[Sign] = []
        position = 0
        for one in found:
            output += _plain(signs, position, one.start, in_code, links)
            output += [note(written(signs[one.start : one.end]))] if one in spared else self._removed(NOTES[one.kind])
            position = one.end
        return output + _plain(signs, position, len(signs), in_code, links)

    def _in_code(self, text: str) -> bool:
        """Whether the word stands in a fenced block, or is code all by itself."""
        fence = _FENCE.match(text) if self._at_line_start else None
        self._at_line_start = False
        if fence and self._fence is None:
            self._fence = fence[0]
        elif fence and self._fence and text.startswith(self._fence) and not text.strip(self._fence[0]):
            self._fence = None
        return self._fence is not None or (text.startswith("`") and text.count("`") % 2 == 0)

    def _removed(self, text: str) -> list[Sign]:
        self.removed += 1
        return [note(text)]


def _plain(signs: list[Sign], start: int, end: int, in_code: bool, links: set[int]) -> list[Sign]:
    """Signs outside links: an image becomes a link, and a tag becomes text, unless it is code or an allowed link."""
    if in_code:
        return signs[start:end]
    output: list[Sign] = []
    for place in range(start, end):
        sign = signs[place]
        following = signs[place + 1].seen if place + 1 < len(signs) else ""
        if sign.written == "!" and following == "[":
            continue
        opens_tag = sign.written == "<" and _TAG.match(following) and place + 1 not in links
        output.append(Sign("‹", "‹") if opens_tag else sign)
    return output
