"""Signs: what a reader sees of a text, whatever it was encoded as, beside what was written."""

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

_ESCAPE = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|%[2-7][0-9a-fA-F]"
    r"|\\[!-/:-@\[-`{-~]"
)
_BEGUN = re.compile(r"&(?:#(?:\d{0,7}|[xX][0-9a-fA-F]{0,6})?|[A-Za-z][A-Za-z0-9]{0,31})?\Z|%[2-7]?\Z|\\\Z")
_ESCAPING = re.compile(r"[&%\\]")
_FULL_STOPS = "\u2024\u2027\u3002\uff61"
_OURS = "\ue000"
_LOOKALIKES = str.maketrans(
    "авеікмнорстухѕјԁɡɑαβεικνορτυχıłøđħ",
    "abeikmhopctyxsjdgaabeiknoptuxilodh",
)


class Sign(NamedTuple):
    """One sign as it was written, and as it is seen: `&#46;` and `\\.` are seen as a full stop."""

    written: str
    seen: str


_PLAIN = {character: Sign(character, character) for character in map(chr, range(128))}


class SignReader:
    """Splits a text, which comes in pieces, into signs."""

    def __init__(self) -> None:
        self._begun = ""

    def feed(self, text: str) -> list[Sign]:
        """The signs that are complete; an escape that has only begun is held back (at most 33 characters)."""
        text = self._begun + text
        begun = _BEGUN.search(text, max(0, len(text) - 34))
        self._begun = begun[0] if begun else ""
        return _signs(text[: len(text) - len(self._begun)])

    def close(self) -> list[Sign]:
        """The rest."""
        rest, self._begun = self._begun, ""
        return _signs(rest)


def read(text: str) -> list[Sign]:
    """The signs of a whole text."""
    return _signs(text)


def note(text: str) -> Sign:
    """A text that we answer for, as one sign, which is no letter, so that it joins no word and matches nothing."""
    return Sign(text, _OURS)


def written(signs: Iterable[Sign]) -> str:
    """The text as it was written."""
    return "".join([sign.written for sign in signs])


@lru_cache(maxsize=4096)
def letters(seen: str) -> str:
    """What counts when texts are compared: lower-case letters and digits, without accents, lookalikes made one."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", seen).casefold()).translate(_LOOKALIKES)
    return "".join(character for character in plain if character.isalnum())


@lru_cache(maxsize=4096)
def shape(seen: str) -> str:
    """What counts when links are looked for: the sign in its plainest form; none for what is invisible or emphasis."""
    if seen in "*`" or is_invisible(seen):
        return ""
    plain = unicodedata.normalize("NFKC", seen)
    return "".join("." if character in _FULL_STOPS else character for character in plain)


@lru_cache(maxsize=4096)
def is_invisible(seen: str) -> bool:
    """Whether the sign shows nothing of its own: format characters, joiners, accents, variation selectors."""
    return bool(seen) and all(unicodedata.category(character) in ("Cf", "Mn", "Me") for character in seen)


def _signs(text: str) -> list[Sign]:
    if not _ESCAPING.search(text):
        return _plain(text)
    signs: list[Sign] = []
    position = 0
    for match in _ESCAPE.finditer(text):
        signs += _plain(text[position : match.start()])
        seen = _seen(match[0])
        if seen is None:
            signs += _plain(match[0])
        else:
            signs.append(Sign(match[0], seen))
        position = match.end()
    return signs + _plain(text[position:])


def _plain(text: str) -> list[Sign]:
    """Each character as the sign of itself."""
    return [_PLAIN.get(character) or Sign(character, character) for character in text]


def _seen(escape: str) -> str | None:
    """What an escape stands for; None if for nothing."""
    if escape[0] == "\\":
        return escape[1]
    if escape[0] == "%":
        character = chr(int(escape[1:], 16))
        return None if character.isspace() or character == "\x7f" else character
    seen = html.unescape(escape)
    return None if seen == escape or not seen else seen
