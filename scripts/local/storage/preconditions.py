"""Preconditions on generation and metageneration: https://cloud.google.com/storage/docs/request-preconditions"""

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.local.storage.refusals import condition_not_met, invalid

NAMES = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")
# https://cloud.google.com/storage/docs/xml-api/reference-headers#xgoogifgenerationmatch
XML_HEADERS = ("x-goog-if-generation-match", "", "x-goog-if-metageneration-match", "")


@dataclass(frozen=True)
class Preconditions:
    """What a request demands of the object that it is about. An absent object has the generation 0."""

    generation: int | None = None
    other_generation: int | None = None
    metageneration: int | None = None
    other_metageneration: int | None = None

    @classmethod
    def of_query(cls, query: Mapping[str, str], prefix: str = "if") -> "Preconditions":
        """Those of the JSON API; `ifSource` is the prefix of those on what is copied. Refuses what is no number."""
        return cls(*(_number(query.get(f"{prefix}{name}"), f"{prefix}{name}") for name in NAMES))

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> "Preconditions":
        """Those of the XML API. Refuses what is no number."""
        return cls(*(_number(headers.get(name) if name else None, name) for name in XML_HEADERS))

    def check(self, generation: int, metageneration: int, *, reading: bool = False) -> None:
        """Refuse with 412 what does not hold; for a reader, with 304 that nothing else is there."""
        wanted = (self.generation, generation), (self.metageneration, metageneration)
        if any(demanded is not None and demanded != actual for demanded, actual in wanted):
            raise condition_not_met()
        unwanted = (self.other_generation, generation), (self.other_metageneration, metageneration)
        if any(refused is not None and refused == actual for refused, actual in unwanted):
            raise condition_not_met(reading=reading)


def _number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise invalid(f"Invalid value for {name}: {text}")
    return int(text)
