"""Words and sentences: folding, own text without quotations, and what may be quoted from an untrusted text."""

import re
import unicodedata

from scripts.local.models.extractive.vocabulary import COMMON

OPENING_OF_QUOTATION = re.compile(
    r"^\s*(On .{5,120} wrote:|Am .{5,120} schrieb.*:|Le .{5,120} a écrit\s?:|El .{5,120} escribió:|-{2,} ?Original.*)$"
)
REFERENCE = re.compile(r"^\s*Ref: \S+\s*$")
SENTENCE = re.compile(r"[^.!?。？！\n]+(?:[.!?。？！]+(?=\s|$|[”\"')])|[.!?](?=\S)[^.!?\n]*)*[.!?。？！]*[”\"')]*")
ORDER_TO_A_MODEL = re.compile(
    r"\b(assistants?\s*[:,]|(?-i:AI)|(?-i:LLM)|(ai|to the|dear|hey|you are an?|you are the)( \w+)? assistants?"
    r"|chat ?bots?|language models?|system (note|prompt|message)|(tell|inform) the user"
    r"|(ignore|disregard|forget) (all|any|the|your|every|previous|prior|earlier|above)\b)",
    re.IGNORECASE,
)
LINK_OR_ADDRESS = re.compile(
    r"https?:|www\.|mailto:|data:|\S+@\S+|[\[\]<>`]|[\u200b-\u200d\u2060\ufeff]"
    r"|\b[\w-]+\.(example|com|org|net|io|dev|app|test|invalid|info|biz|co|de|uk)\b",
    re.IGNORECASE,
)
GREETING = re.compile(
    r"^(hi|hey|hello|dear|good (morning|afternoon|evening)|morning|hallo|liebe[rs]?|hola|bonjour|cześć)\b.{0,40}[,!.]$",
    re.I,
)


def folded(text: str) -> str:
    """Lower case, without accents, for comparing."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("ø", "o").replace("ı", "i"))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def words(text: str) -> list[str]:
    """The folded words of a text; a possessive 's is dropped."""
    return re.findall(r"\w+", re.sub(r"[’']s\b", "", folded(text)))


def key_words(text: str) -> set[str]:
    """The words that say what a text is about, cut to a stem of sorts."""
    return {stem(word) for word in words(text) if word not in COMMON}


def stem(word: str) -> str:
    """A crude stem: plural and common endings go."""
    for ending in ("ings", "ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def own_lines(body: str) -> list[str]:
    """The lines that a mail's author wrote: without quotations and reference marks."""
    lines = []
    for line in body.splitlines():
        if OPENING_OF_QUOTATION.match(line):
            break
        if not line.lstrip().startswith(">") and not REFERENCE.match(line):
            lines.append(line.strip())
    return lines


def sentences(body: str) -> list[str]:
    """The author's own sentences, greetings left out."""
    found = []
    for paragraph in _paragraphs(own_lines(body)):
        for match in SENTENCE.finditer(paragraph):
            sentence = match.group().strip()
            if sentence and not GREETING.match(sentence):
                found.append(_without_greeting(sentence))
    return found


def addresses_a_model(text: str) -> bool:
    """Whether the text speaks to a machine that reads it; then nothing of it is repeated."""
    return ORDER_TO_A_MODEL.search(text) is not None


def quotable(text: str) -> bool:
    """Whether the text may be repeated: no link, no address, no markup, no order to a model."""
    return bool(text.strip()) and not LINK_OR_ADDRESS.search(text) and not addresses_a_model(text)


def quoted(text: str) -> str:
    """Verbatim in quotation marks."""
    return f"“{text.strip()}”"


def shown(text: str, instead: str) -> str:
    """A title, name or place on one line, or what stands for it if it may not be repeated."""
    line = " ".join(text.split())
    return line if quotable(line) else instead


def _paragraphs(lines: list[str]) -> list[str]:
    """Greeting lines and list items stand alone; other lines of a block run on."""
    blocks: list[str] = []
    for line in lines:
        previous = blocks[-1] if blocks else ""
        if not line or not previous or previous.endswith((",", ".", "!", "?", ":")) or line.startswith(("*", "-")):
            blocks.append(line)
        else:
            blocks[-1] = f"{previous} {line}"
    return [block for block in blocks if block]


def _without_greeting(sentence: str) -> str:
    return re.sub(r"^[*-]\s+", "", sentence)
