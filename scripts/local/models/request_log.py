"""What the models were asked, for tests to read back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from scripts.local import clock

Outcome = Literal["running", "complete", "refused", "disconnected", "fault"]
SECRET_HEADERS = {"authorization", "x-api-key"}
KEPT = 1000


@dataclass(slots=True)
class Received:
    """One request; `tokens_sent` counts the deltas that left before it ended as `outcome` says."""

    path: str
    body: Any
    headers: dict[str, str]
    at: str = field(default_factory=lambda: clock.now().isoformat())
    outcome: Outcome = "running"
    tokens_sent: int = 0


class RequestLog:
    """The last thousand requests, oldest first."""

    def __init__(self) -> None:
        self._received: list[Received] = []

    def add(self, path: str, body: Any, headers: Mapping[str, str]) -> Received:
        """Note a request as it came, its key left out."""
        shown = {name.lower(): value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
        received = Received(path, body, shown)
        self._received.append(received)
        del self._received[:-KEPT]
        return received

    def clear(self) -> None:
        """Forget everything."""
        self._received.clear()

    def listed(self) -> list[dict[str, Any]]:
        """All that is remembered, as JSON."""
        return [asdict(one) for one in self._received]
