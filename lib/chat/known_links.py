"""The links and addresses that occur in untrusted texts, recognised however they are spaced, broken or spelled out."""

import re
from collections.abc import Iterable, Sequence

from lib.chat.link_shapes import Found, Kind, Word
from lib.chat.signs import Sign, is_invisible, letters, read, written
from lib.chat.words import Piece, Pieces, Stretch, Undecided

LEAST_LETTERS = 8
"""Shorter names would be found in innocent words; only their usual forms are recognised."""
_MOST_LETTERS = 160
_SPELLINGS = (
    ("", ""),
    ("at", "dot"),
    ("", "dot"),
    ("at", ""),
    ("at", "punkt"),
    ("at", "point"),
    ("arobase", "point"),
    ("arroba", "punto"),
    ("chiocciola", "punto"),
)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.\-]+:[/\\]*")
_ENDING = ")].,;:!?'\"”’>}*_"


class KnownLinks:
    """The letters of each known link, address and host, in each spelling. Those that are allowed are not known."""

    def __init__(self, texts: Iterable[str], allowed: Iterable[str]):
        spared = {one.lower().rstrip("/") for one in allowed}
        spared |= {host for one in spared for host in _hosts(one)}
        names = {name for text in texts for _, found in found_in(text) for name in _names(found.plain)}
        unknown = {name for name in names if name.rstrip("/") not in spared}
        self._whole: dict[int, Kind] = {}
        for name in unknown:
            self._whole |= {hash(one): "address" if "@" in name else "link" for one in _spelled(name)}
        self._begun = {
            hash(one[:length]) for name in unknown for one in _spelled(name) for length in range(1, len(one) + 1)
        }

    def within(
        self, pieces: Pieces, found: Sequence[Found], spared: Sequence[Found]
    ) -> tuple[Kind, Stretch] | Undecided | None:
        """The first known link that begins in the first word, unless it was `found` there anyway, or is spared."""
        signs = pieces.all[0].signs
        if not self._whole:
            return None
        for start, sign in enumerate(signs):
            if not letters(sign.seen) or (start and letters(signs[start - 1].seen)):
                continue
            if hash(letters(sign.seen)) not in self._begun or any(one.start <= start < one.end for one in spared):
                continue
            verdict = self._from(pieces, start)
            if verdict is Undecided.YET:
                return verdict
            if isinstance(verdict, tuple) and not any(_is_within(verdict[1], one) for one in found):
                return verdict
        return None

    def _from(self, pieces: Pieces, start: int) -> tuple[Kind, Stretch] | Undecided | None:
        """The longest known link that begins at this sign of the first word."""
        text = ""
        longest: tuple[Kind, Stretch] | None = None
        for number, piece in enumerate(pieces.all):
            if piece.is_space:
                continue
            for place in range(start if number == 0 else 0, len(piece.signs)):
                added = letters(piece.signs[place].seen)
                if not added:
                    continue
                text += added
                if hash(text) not in self._begun:
                    return _to_its_end(pieces, longest)
                kind = self._whole.get(hash(text))
                if kind is not None:
                    longest = kind, Stretch(start, number, place + 1)
        return _to_its_end(pieces, longest) if pieces.final else Undecided.YET


def found_in(text: str) -> list[tuple[str, Found]]:
    """All links and addresses in a text, as they are written there and in their plain form."""
    signs = read(text)
    return [
        (written(signs[found.start : found.end]), found) for found in Word(signs).found() if found.kind != "encoded"
    ]


def _is_within(stretch: Stretch, found: Found) -> bool:
    return stretch.piece == 0 and found.start <= stretch.start and stretch.end <= found.end


def _to_its_end(pieces: Pieces, link: tuple[Kind, Stretch] | None) -> tuple[Kind, Stretch] | Undecided | None:
    """The link with the path that follows it; None if a letter follows, since it is another name then."""
    if link is None:
        return None
    kind, stretch = link
    piece: Piece = pieces.all[stretch.piece]
    if not piece.ended:
        return Undecided.YET
    signs, end = piece.signs, stretch.end
    while end < len(signs) and is_invisible(signs[end].seen):
        end += 1
    if end < len(signs) and letters(signs[end].seen):
        return None
    if end < len(signs) and signs[end].seen in "/?#:\\":
        end = without_ending(signs)
    return kind, Stretch(stretch.start, stretch.piece, end)


def without_ending(signs: Sequence[Sign]) -> int:
    """Where the punctuation begins that closes a word."""
    end = len(signs)
    while end and signs[end - 1].seen in _ENDING:
        end -= 1
    return end


def _names(link: str) -> set[str]:
    """The link itself, the same without its scheme, and its host."""
    return {link, _SCHEME.sub("", link), *_hosts(link)}


def _hosts(link: str) -> list[str]:
    host = re.split(r"[/?#\\]", _SCHEME.sub("", link), maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    return [host, host.removeprefix("www.")] if "." in host else []


def _spelled(name: str) -> set[str]:
    """The name's letters, with its signs left out or spelled in words."""
    spellings = set()
    for at, dot in _SPELLINGS:
        text = name.replace("@", f" {at} ").replace(".", f" {dot} ")
        spelling = "".join(letters(character) for character in text)
        if LEAST_LETTERS <= len(spelling) <= _MOST_LETTERS:
            spellings.add(spelling)
    return spellings
