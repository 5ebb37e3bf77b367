"""Text that others wrote: what of it speaks to an assistant rather than to the person, and is withheld from models.

A layer, not the defence: a list of phrases is easily evaded, in English or in any other language. What it catches is
kept from the model and quoted more readily by the guard; what it misses meets `lib.chat.guard` all the same.
"""

import re
import unicodedata
from dataclasses import dataclass

WITHHELD = "[withheld: text addressed to an assistant]"

_SENTENCE_END = re.compile(r"\n+|(?<=[.!?。！？])\s+")
_MACHINE = r"(?:ai|a\.i\.|llm|gpt|chat ?gpt|chat ?bot|copilot|briefly|assistant|asistente|assistent)"
_ADDRESSED = re.compile(
    "|".join(
        (
            rf"^\W*(?:\w+ )?{_MACHINE}s?(?: \w+)?\s*[:,]",
            rf"\b{_MACHINE}s?\s*:",
            r"^\W*(?:system|developer|assistant|user|human)(?: \w+)?\s*:",
            rf"\b(?:system|note|notice|message|instructions?|prompt|important|attention|hinweis|nota|anweisung)\b"
            rf"[^.\n]{{0,30}}\b(?:to|for|an|für|para|pour|à)\b[^.\n]{{0,20}}\b{_MACHINE}\b",
            r"\b(?:system|hidden|initial|original) prompts?\b",
            r"\b(?:tell|inform|notify|remind|advise|assure|warn|instruct|send|direct|ask|show|convince)"
            r" (?:the|this|your) (?:user|reader|recipient|human|account holder)\b",
            r"\b(?:ignore|disregard|forget|override|bypass|skip)\b[^.\n]{0,40}"
            r"\b(?:instruction|prompt|rule|guideline|direction|context|above|earlier|previous|prior)s?\b",
            r"\b(?:new|updated|real|following|these) (?:instructions?|directives?)\b\s*[:.]",
            r"\byou are (?:now |an? |the )*(?:\w+ )?(?:ai|llm|language model|chat ?bot|assistant)\b",
            rf"\b(?:if|when|as|while|before|after) (?:you are |you're |you )?(?:an? )?(?:{_MACHINE}|summari[sz]\w+"
            rf"|answering the)\b[^.\n]{{0,60}}",
            r"\b(?:language|ai) model\b[^.\n]{0,40}\b(?:must|should|shall|please|has to|needs? to)\b",
            r"<\|?/?(?:im_start|im_end|system|endoftext|assistant|human)\|?>|\[/?INST\]|<</?SYS>>",
            r"\b(?:ignorier\w*|vergiss|missachte\w*)\b[^.\n]{0,40}\b(?:anweisung|vorgabe|regel)\w*",
            r"\b(?:ignore[zr]?|oublie[zr]?)\b[^.\n]{0,40}\b(?:instructions?|consignes?)\b",
            r"\b(?:ignora|olvida)\w*\b[^.\n]{0,40}\binstrucciones\b",
            r"\b(?:sage?|teile?|informiere?|melde)\b[^.\n]{0,15}\b(?:dem|den) (?:nutzer|benutzer|anwender)\b",
        )
    ),
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A text without the sentences that speak to an assistant, and those sentences."""

    text: str
    sentences: tuple[str, ...]


def withhold(text: str) -> Withheld:
    """Replace each sentence that is addressed to an assistant by a note that something was withheld."""
    kept: list[str] = []
    withheld: list[str] = []
    position = 0
    for start, end in _sentences(text):
        if not speaks_to_an_assistant(text[start:end]):
            continue
        gap = text[position:start]
        if not (withheld and not gap.strip()):
            kept += [gap, WITHHELD]
        withheld.append(text[start:end])
        position = end
    return Withheld("".join([*kept, text[position:]]), tuple(withheld))


def speaks_to_an_assistant(sentence: str) -> bool:
    """Whether the sentence has a phrase that people use towards machines. Disguises by invisible signs are undone."""
    plain = sentence
    if not sentence.isascii():
        normal = unicodedata.normalize("NFKC", sentence)
        plain = "".join(sign for sign in normal if unicodedata.category(sign) != "Cf")
    return bool(_ADDRESSED.search(plain.strip()))


def _sentences(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        spans.append((start, end.start()))
        start = end.end()
    spans.append((start, len(text)))
    return [(start, end) for start, end in spans if text[start:end].strip()]
