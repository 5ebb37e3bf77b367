"""Reads server-sent events as they come, keeping the lines that count."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests


@dataclass(frozen=True)
class Event:
    """An event with its id."""

    id: str
    data: str

    @property
    def document(self) -> dict[str, Any]:
        """The chunk; that of the end is empty."""
        parsed: dict[str, Any] = {} if self.data == "[DONE]" else json.loads(self.data)
        return parsed

    @property
    def type(self) -> str:
        """The chunk's type, or `done`."""
        return str(self.document.get("type", "done"))


def events(answer: requests.Response) -> Iterator[Event]:
    """The events of a stream, until it ends or breaks off."""
    assert answer.status_code == 200, answer.text
    identifier, data = "", ""
    try:
        for raw in answer.iter_lines(chunk_size=1):
            line = raw.decode("utf-8")
            if line.startswith("id: "):
                identifier = line[4:]
            elif line.startswith("data: "):
                data = line[6:]
            elif not line and data:
                yield Event(identifier, data)
                data = ""
    except requests.exceptions.ChunkedEncodingError:
        return


def text(read: list[Event]) -> str:
    """The answer's text."""
    return "".join(event.document.get("delta", "") for event in read)
