"""What a question is about, as terms that mail can be searched for."""

import re

MOST_TERMS = 3
_LONGEST_TERM = 100
_QUOTED = re.compile(r"[“\"„«]([^”\"“»]{3,60})[”\"“»]")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-ZÀ-ÖØ-ÞĀ-Ž][\w'’-]+(?:\s+[A-ZÀ-ÖØ-ÞĀ-Ž][\w'’-]+)*")
_WORD = re.compile(r"\b[^\W\d_]{5,}\b")
_COMMON_WORDS = """
    about above after again against agenda already although always another answer answered answering anybody anyone
    anything around asked because been before being below between calendar calendars could doing during early email
    emails event events every everybody everyone everything friday from have having here inbox invitation invitations
    later latest looks maybe meeting meetings message messages might monday morning month needs never newest nobody
    other people person please question questions reading reply replied replies saturday schedule scheduled should
    since somebody someone something still summarise summarize summary sunday their there these thing things this
    those thursday today together tomorrow tonight tuesday unread upcoming urgent waiting wednesday weekend weeks
    weren what whatever when where which while whole whose will with without would write written yesterday yours
    heute morgen gestern welche welcher wartet antwort termine termin nachricht nachrichten kalender woche
    january february march april june july august september october november december
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def terms(question: str) -> list[str]:
    """At most three: what is quoted, addresses, names; failing these, the longest uncommon word of the question."""
    found = [*_QUOTED.findall(question), *_ADDRESS.findall(question)]
    found += [name for name in _NAME.findall(question) if name.lower() not in _COMMON and len(name) > 2]
    if not found:
        words = [word for word in _WORD.findall(question) if word.lower() not in _COMMON]
        found = sorted(words, key=len, reverse=True)[:1]
    cleaned = (re.sub(r'[\s"\\]+', " ", term).strip()[:_LONGEST_TERM] for term in found)
    return [term for term in dict.fromkeys(cleaned) if term][:MOST_TERMS]
