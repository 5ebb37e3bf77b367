"""What a link or a mail address looks like within a word, in the many ways in which one can be written."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

from lib.chat.signs import Sign, shape

Kind = Literal["link", "address", "encoded"]

_DOT = r"(?:\.|[\[({](?:\.|dot|punkt)[\])}])"
_AT = r"(?:@|[\[({](?:@|at)[\])}])"
_LABEL = r"[a-z0-9\u00a1-\uffff](?:[\w\-]*\w)?"
_STOP = r"\s<>\"“”„«»|"
_URL = rf"(?<![a-z0-9])[a-z][a-z0-9+.\-]+:[/\\]+[^{_STOP}]*"
_OPAQUE = (
    r"(?<![a-z0-9])(?:mailto|tel|sms|javascript|vbscript|blob|skype|facetime(?:-audio)?|callto|xmpp|sips?|webcal"
    rf"|whatsapp|magnet|intent|geo|view-source|ms-[a-z]+|data(?=:[a-z]*[/,;])):[^{_STOP}]+"
)
_LOCAL = r"[\w.!#$%&'+/=?^{}~\-]"
_ADDRESS = rf"(?<!{_LOCAL}){_LOCAL}+{_AT}(?:{_LABEL}{_DOT})+{_LABEL}"
_DOMAIN = rf"(?<![\w@])(?:{_LABEL}{_DOT})+{_LABEL}(?::\d+)?(?:[/?#\\][^{_STOP}]*)?"
_HOST_WITH_NUMBER = rf"(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+|/)[^{_STOP}]*"
_DESTINATION = r"\]\((?P<destination>(?:(?!\]\()\S)*)"
_DEFINITION = r"\]:(?P<defined>(?:(?!\]:)\S)+)"
_LEAST_ENCODED = 16
_ENCODED = rf"[a-z0-9+/_\-]{{{_LEAST_ENCODED},}}={{0,2}}"
_SHAPES = (
    f"(?P<link>{_URL}|{_OPAQUE}|{_HOST_WITH_NUMBER})|(?P<address>{_ADDRESS})|(?P<domain>{_DOMAIN})"
    f"|{_DESTINATION}|{_DEFINITION}|(?P<encoded>{_ENCODED})"
)
_UNBRACKETED = re.compile(r"[\[({](dot|punkt|at|\.|@)[\])}]", re.IGNORECASE)
_PLAIN = {"dot": ".", "punkt": ".", "at": "@", ".": ".", "@": "@"}
_LEADS_SOMEWHERE = re.compile(r"^<|[:/\\?#%@&]")
_DEFINED = re.compile(r"^(?:[<#/?\\]|[a-z][a-z0-9+.\-]+:\S)", re.IGNORECASE)
_TRAILING = ").,;:!?'\"”’>]}"
_SPECIAL_USE = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "onion", "alt", "arpa"})
_FILE = Path(__file__).with_name("top_level_domains.txt")
_HEX = re.compile(r"(?:[0-9a-f]{2}){12,}", re.IGNORECASE)
_LEAST_HIDDEN_BYTES = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A link or address: the signs from `start` to `end`, and in its plainest form, in lower case."""

    kind: Kind
    start: int
    end: int
    plain: str


class Word:
    """A word, or a whole text, in the form in which links are looked for; none has a space in it."""

    def __init__(self, signs: Sequence[Sign]):
        text = "".join([sign.seen for sign in signs])
        self._is_simple = text.isascii() and text.isalnum()
        if self._is_simple and len(text) == len(signs):
            self.text = text
            self._places: Sequence[int] = range(len(text))
            return
        shapes = [shape(sign.seen) for sign in signs]
        self.text = "".join(shapes)
        self._places = [place for place, shown in enumerate(shapes) for _ in shown]

    def found(self) -> Iterator[Found]:
        """The links, addresses and hidden texts of the word, from left to right, without overlaps."""
        if self._is_simple and len(self.text) < _LEAST_ENCODED:
            return
        position = 0
        while match := _shapes().search(self.text, position):
            span = self._span(match)
            if span is None:
                position = _after(match)
                continue
            kind, start, end = span
            yield self._one(kind, start, end)
            position = end

    def destination(self, defined: bool) -> Found | None:
        """What the whole word leads to, when it stands where Markdown expects a link's destination."""
        end = _destination_end(self.text)
        text = self.text[:end]
        if not text or not (_DEFINED if defined else _LEADS_SOMEWHERE).search(text):
            return None
        return self._one("link", 0, end)

    def _one(self, kind: Kind, start: int, end: int) -> Found:
        plain = _unbracketed(self.text[start:end]).strip("<>").lower()
        return Found(kind, self._places[start], self._places[end - 1] + 1, plain)

    def _span(self, match: re.Match[str]) -> tuple[Kind, int, int] | None:
        kind = match.lastgroup
        start, end = match.span(kind or 0)
        if kind == "destination":
            text = match[0][2:]
            text = text[: _destination_end(text)]
            end = start + len(text)
            return ("link", start, end) if text and _LEADS_SOMEWHERE.search(text) else None
        if kind == "defined":
            return ("link", start, end) if _DEFINED.search(match[0][2:]) else None
        if kind == "encoded":
            return ("encoded", start, end) if _hides_text(match[0]) else None
        if kind == "domain" and not _is_domain(_host(_unbracketed(match[0]))):
            return None
        trimmed = len(match[0].rstrip(_TRAILING))
        return ("address" if kind == "address" else "link", start, start + trimmed) if trimmed else None


def is_top_level(label: str, least: int = 2) -> bool:
    """Whether the last label of a name makes it a domain (IANA's list, and the names for special use of RFC 6761)."""
    return len(label) >= least and (label.lower() in _SPECIAL_USE or label.lower() in _top_level_domains())


def _is_domain(host: str) -> bool:
    """Whether some beginning of a dotted name is a domain; `3.in` and the like are not."""
    labels = host.split(".")
    return any(is_top_level(label, least=3 if before.isdigit() else 2) for before, label in pairwise(labels))


def _host(text: str) -> str:
    return re.split(r"[/?#:\\]", text, maxsplit=1)[0]


def _unbracketed(text: str) -> str:
    return _UNBRACKETED.sub(lambda match: _PLAIN[match[1].lower()], text)


def _after(match: re.Match[str]) -> int:
    """Where to look on after something that was none: within a destination there may be a link all the same."""
    if match.lastgroup in ("destination", "defined"):
        return match.start() + 2
    return match.end() if match.lastgroup in ("domain", "encoded") else match.start() + 1


def _destination_end(text: str) -> int:
    """Where the destination of a link ends: at the parenthesis that closes it, or with the word."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return position
    return len(text)


def _hides_text(word: str) -> bool:
    """Whether base64 or hexadecimal digits say something readable."""
    candidates: list[bytes] = []
    if _HEX.fullmatch(word):
        candidates.append(binascii.unhexlify(word))
    digits = word.rstrip("=").replace("-", "+").replace("_", "/")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    candidates.append(base64.b64decode(digits + "=" * (-len(digits) % 4)))
    return any(len(data) >= _LEAST_HIDDEN_BYTES and _is_readable(data) for data in candidates)


def _is_readable(data: bytes) -> bool:
    try:
        return all(character.isprintable() or character.isspace() for character in data.decode())
    except UnicodeDecodeError:
        return False


@cache
def _shapes() -> re.Pattern[str]:
    """Compiled for the first answer: that takes longer than many an import, and a start has to wait for those."""
    return re.compile(_SHAPES, re.IGNORECASE)


@cache
def _top_level_domains() -> frozenset[str]:
    """IANA's list (https://data.iana.org/TLD/tlds-alpha-by-domain.txt), in both forms of international names."""
    names = {line.lower() for line in _FILE.read_text(encoding="ascii").split("\n") if line and line[0] != "#"}
    unicode_names = {name[4:].encode().decode("punycode") for name in names if name.startswith("xn--")}
    return frozenset(names | unicode_names)
