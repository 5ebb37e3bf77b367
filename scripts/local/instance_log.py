"""What a function's process writes: kept in a file, and each line of its standard output shown to the log sinks."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.local import clock

LineObserver = Callable[[str, str, dict[str, Any]], None]


@dataclass
class InstanceLog:
    """The output of one instance. Structured lines are kept as they are, others as text with a severity.

    As Cloud Logging has it for containers: https://cloud.google.com/run/docs/logging#container-logs
    """

    function: str
    instance: str
    path: Path
    observe: LineObserver
    last_error: str = ""

    def stdout(self, line: bytes) -> None:
        """Take a line of standard output."""
        self._take(line, "DEFAULT")

    def stderr(self, line: bytes) -> None:
        """Take a line of standard error."""
        text = line.decode("utf-8", "replace").strip()
        if text:
            self.last_error = text
        self._take(line, "ERROR")

    def _take(self, line: bytes, severity: str) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if not text:
            return
        fields = _structured(text) or {"severity": severity, "message": text, "time": clock.now().isoformat()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"instance": self.instance, **fields}, ensure_ascii=False) + "\n")
        self.observe(self.function, self.instance, fields)


def _structured(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
