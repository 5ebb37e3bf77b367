"""Characters that a reader does not see, by which text can say one thing to people and another to machines."""

import re
import unicodedata

# Zero-width and filler characters, bidirectional controls, soft hyphen, and the tag characters that can spell out
# ASCII unseen (https://www.unicode.org/reports/tr36/, https://www.unicode.org/charts/PDF/UE0000.pdf).
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = re.compile("[\u200c\u200d]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


def seen(text: str) -> str:
    """The text without what nobody sees; joiners stay where scripts and emoji need them, between non-ASCII."""
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _JOINERS.sub(_needed_joiner, _CONTROLS.sub("", text))


def line(text: str) -> str:
    """The seen text on one line, for names, subjects and titles."""
    return " ".join(seen(text).split())


def paragraphs(text: str) -> str:
    """The seen text with at most one blank line in a row, for bodies."""
    stripped = "\n".join(part.rstrip() for part in seen(text).split("\n"))
    return _BLANK_LINES.sub("\n\n", stripped).strip()


def _needed_joiner(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    joins = before and after and not before.isascii() and not after.isascii()
    return match[0] if joins and unicodedata.category(after) != "Cf" else ""
