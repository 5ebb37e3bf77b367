"""A reader as the front end has it: comes back with Last-Event-ID, and puts the answer together as its kit does."""

from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.exceptions import ReadTimeoutError

from tests.briefly import Client
from tests.sse import Event, events

ENDS = ("finish", "abort", "error")


@dataclass
class Reader:
    """One tab that shows one answer. `events` is all that it got, over all of its connections."""

    person: Client
    run: str
    events: list[Event] = field(default_factory=list)
    is_through: bool = False
    patience: float = 2.5
    """The longest silence in seconds; then it leaves until later."""

    def read(self, leaves_after: int | None = None) -> bool:
        """One connection: to the answer's end, to where the reader leaves, or as long as something comes.

        False if there is no use in coming back now.
        """
        path = f"/stream/runs/{self.run}"
        try:
            answer = self.person.call("GET", path, stream=True, patience=self.patience, Last_Event_ID=self.last_id)
            self._take(answer, leaves_after)
        except (requests.exceptions.Timeout, requests.exceptions.ConnectionError) as error:
            return not _was_silent(error)
        return not self.is_through

    def _take(self, answer: requests.Response, leaves_after: int | None) -> None:
        if answer.status_code == 204:
            self.is_through = True
        if answer.status_code != 200:
            return
        with answer:
            for number, event in enumerate(events(answer), 1):
                if event.type == "data-problem":
                    return
                self.events.append(event)
                self.is_through = event.type == "done"
                if number == leaves_after:
                    return

    @property
    def last_id(self) -> str:
        """Where to go on."""
        return next((event.id for event in reversed(self.events) if event.id), "")

    @property
    def text(self) -> str:
        """What the tab shows: deltas are appended, `data-interrupted` says how much of them has stayed, and
        `data-begun-anew` that nothing has.
        """
        shown = ""
        for event in self.events:
            if event.type == "data-begun-anew":
                shown = ""
            if event.type == "data-interrupted":
                shown = shown[: event.document["data"]["characters"]]
            shown += event.document.get("delta", "")
        return shown

    @property
    def is_out_of_step(self) -> bool:
        """Whether it was told to fetch the stored answer instead."""
        return any(event.type == "data-resync" for event in self.events)

    def told(self) -> str:
        """What it got, for a person who looks for the reason."""
        return " ".join(
            f"{event.id.partition(':')[2]}={event.type}" for event in self.events if event.type != "text-delta"
        )

    @property
    def ending(self) -> str:
        """How the answer ended, as the tab was told."""
        return next((event.type for event in reversed(self.events) if event.type in ENDS), "nothing")

    @property
    def metadata(self) -> dict[str, Any]:
        """What was told about the answer as a whole."""
        told: dict[str, Any] = {}
        for event in self.events:
            told |= event.document.get("messageMetadata", {})
        return told


def _was_silent(error: requests.exceptions.RequestException) -> bool:
    """Whether nothing came for too long, rather than that the connection broke."""
    cause = error.args[0] if error.args else None
    return isinstance(error, requests.exceptions.Timeout) or isinstance(cause, ReadTimeoutError)
