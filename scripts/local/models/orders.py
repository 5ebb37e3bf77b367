"""Everything in a prompt that a gullible model takes for an order, wherever it stands and whoever wrote it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scripts.local.models import context_blocks
from scripts.local.models.conversation import Turn
from scripts.local.models.extractive.wording import ORDER_TO_A_MODEL

LINK = re.compile(r"https?://[^\s<>\"')\]]+")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PARTIES = ("from", "to", "attendees")
_VERBS = (
    r"open|visit|click|go|write|mail|send|forward|tell|say|mention|announce|inform|warn|remind|reply|answer|pay|transfer"
    r"|call|ignore|forget|disregard|confirm|use|add|never|always|do not|don[’']t"
    r"|öffnen?|besuchen?|klicken?|schreib(?:e|en|t)?|send(?:e|en|et)|schick(?:e|en|t)?|sag(?:e|en|t)?|teilen?|melden?"
    r"|zahlen?|zahlt|überweisen?|rufen?|ruft|antworten?|ignorier(?:e|en|t)"
    r"|ouvr(?:e|ez)|clique[zr]?|écri(?:s|vez)|envo(?:ie|yez)|di(?:s|tes)|paye[zr]?|répond(?:s|ez)|ignore[zr]"
    r"|abr[ae]|escrib[ae]|env[ií][ae]|diga|di|pag(?:a|ue)|respond[ae]|ignor[ae]"
    r"|otwórz|napisz|wyślij|powiedz|zapłać|odpowiedz|zignoruj"
)
IMPERATIVE = re.compile(
    rf"(?:^|[.!?:;,–—-]\s+|[“\"‘(¡]|\b(?:please|and|then|or|bitte|und|oder|et|ou|y|o|i|oraz|por favor|proszę)\s+)"
    rf"(?:{_VERBS})\b",
    re.IGNORECASE,
)
CLAIM = re.compile(r"\b(?:that|announce|because|since|dass|denn|weil|que|że)\b(?: that)?\s+(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Order:
    """An instruction found in the prompt, whole and in parts."""

    text: str
    links: tuple[str, ...]
    addresses: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Order":
        """The instruction with the links and addresses that stand in it."""
        return cls(text, tuple(dict.fromkeys(LINK.findall(text))), tuple(dict.fromkeys(ADDRESS.findall(text))))

    @property
    def claim(self) -> str:
        """What the order wants told, without its links and addresses."""
        told = CLAIM.search(self.text)
        claim = told[1] if told else self.text
        for part in (*self.links, *self.addresses):
            claim = claim.replace(part, "")
        return " ".join(claim.split())

    @property
    def is_imperative(self) -> bool:
        """Whether it has the form of an order in a language known here."""
        return IMPERATIVE.search(self.text) is not None

    @property
    def is_addressed(self) -> bool:
        """Whether it speaks to an assistant."""
        return ORDER_TO_A_MODEL.search(self.text) is not None


def orders(turns: Iterable[Turn]) -> list[Order]:
    """Every paragraph that orders something, speaks to an assistant, or has a link or an address.

    Those that order something at a link or an address come first, since a limit on the answer may cut off the rest.
    """
    paragraphs = dict.fromkeys(one for text in _texts(turns) for one in _paragraphs(text))
    found = [order for order in map(Order.of, paragraphs) if _is_obeyed(order)]
    return sorted(found, key=_weakness)


def _is_obeyed(order: Order) -> bool:
    return bool(order.links or order.addresses or order.is_addressed or order.is_imperative)


def _weakness(order: Order) -> int:
    points_somewhere = bool(order.links or order.addresses)
    if points_somewhere and order.is_imperative:
        return 0
    if order.is_addressed:
        return 1
    return 2 if points_somewhere else 3


def _texts(turns: Iterable[Turn]) -> Iterator[str]:
    """All values and texts of the context blocks, and what was said around them; the system's own words are no news."""
    turns = list(turns)
    for block in context_blocks.blocks(turn.text for turn in turns):
        for element in block.iter():
            values = [(element.tag, element.text or ""), *element.attrib.items(), ("", element.tail or "")]
            for name, value in values:
                yield from _names(value) if name in PARTIES else [value]
    for turn in turns:
        if turn.role not in ("system", "developer"):
            yield context_blocks.without_blocks(turn.text)


def _names(parties: str) -> list[str]:
    """What people are called, which is theirs to choose; that they have an address orders nothing."""
    return re.split(r"<[^<>]*>;?", parties)


def _paragraphs(text: str) -> list[str]:
    """Lines that follow each other are one paragraph."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
