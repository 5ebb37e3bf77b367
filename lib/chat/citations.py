"""From the marks in an answer, such as [e1] and [m2], to the sources they stand for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lib.chat import wire

_MARKS = re.compile(r"\[((?:[em]\d{1,4})(?:\s?[,;]\s?(?:[em]\d{1,4}))*)\]", re.IGNORECASE)
_LONGEST_MARKS = 60
_MEDIA_TYPES = {"event": "text/calendar", "mail": "message/rfc822"}


@dataclass(frozen=True, slots=True)
class Source:
    """Something that an answer may cite by `ref`. `id` is its real one on our wire; `link` its page at the provider."""

    ref: str
    kind: Literal["event", "mail"]
    id: str
    title: str
    account_id: str
    link: str | None = None

    def chunk(self) -> wire.SourceUrl | wire.SourceDocument:
        """What tells a reader of the stream about the source."""
        details = {"kind": self.kind, "ref": self.ref, "account_id": self.account_id}
        if self.link:
            return wire.SourceUrl(self.id, self.link, self.title, details)
        return wire.SourceDocument(self.id, _MEDIA_TYPES[self.kind], self.title, details)


class Citations:
    """Reads along with a text; a mark may be split over its pieces."""

    def __init__(self, sources: Iterable[Source]):
        self._sources = {source.ref: source for source in sources}
        self._unread = ""
        self.cited: list[Source] = []
        """The sources cited so far, in the order of their first marks."""

    def feed(self, text: str) -> list[wire.SourceUrl | wire.SourceDocument]:
        """The sources that are cited for the first time now. Marks that stand for nothing are passed over."""
        self._unread += text
        found: list[Source] = []
        end = 0
        for match in _MARKS.finditer(self._unread):
            end = match.end()
            for ref in re.split(r"\s?[,;]\s?", match[1].lower()):
                source = self._sources.get(ref)
                if source is not None and source not in self.cited:
                    self.cited.append(source)
                    found.append(source)
        bracket = self._unread.rfind("[", max(end, len(self._unread) - _LONGEST_MARKS))
        self._unread = self._unread[bracket:] if bracket >= 0 else ""
        return [source.chunk() for source in found]
