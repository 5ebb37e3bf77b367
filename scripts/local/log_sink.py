"""Log sinks: carry chosen log lines of the functions to Pub/Sub, as Cloud Logging does.

An entry has the form of https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry; which fields of a line
become fields of the entry is said in https://cloud.google.com/logging/docs/structured-logging.
"""

import asyncio
import base64
import json
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from scripts.local import clock
from scripts.local.catalog import Catalog, Sink
from scripts.local.project import PROJECT, REGION
from scripts.local.pubsub import PubSub, PubSubFailed

BATCH = 100
RETRY_SECONDS = 0.5
LABEL = "logging.googleapis.com/"


@dataclass(eq=False)
class LogSink:
    """Publishes the lines that the catalogue's sinks want, in the background and in order."""

    catalog: Catalog
    pubsub: PubSub
    _waiting: deque[tuple[str, dict[str, Any]]] = field(default_factory=deque, init=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _publishing: "asyncio.Task[None] | None" = field(default=None, init=False)

    def observe(self, function: str, instance: str, line: dict[str, Any]) -> None:
        """Take a structured line of a function; most are nobody's."""
        for sink in self.catalog.sinks.values():
            if _wants(sink, line):
                self._waiting.append((sink.topic, entry(function, instance, line)))
                self._arrived.set()

    async def __aenter__(self) -> "LogSink":
        self._publishing = asyncio.create_task(self._publish(), name="log sink")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.wait({self._publishing})

    async def _publish(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._publish_some()

    async def _publish_some(self) -> None:
        """One batch for the topic of the oldest entry; it stays first in line until it is published."""
        topic = self._waiting[0][0]
        batch = [one for one in list(self._waiting)[:BATCH] if one[0] == topic]
        try:
            await self.pubsub.publish(topic, [_message(one[1]) for one in batch])
        except PubSubFailed:
            await asyncio.sleep(RETRY_SECONDS)
            return
        for one in batch:
            self._waiting.remove(one)


def entry(function: str, instance: str, line: dict[str, Any]) -> dict[str, Any]:
    """The log entry that Cloud Logging makes of a structured line."""
    payload = {key: value for key, value in line.items() if not key.startswith(LABEL)}
    severity, written = payload.pop("severity", "DEFAULT"), payload.pop("time", None)
    present = clock.now().isoformat()
    made: dict[str, Any] = {
        "insertId": secrets.token_hex(12),
        "logName": f"projects/{PROJECT}/logs/run.googleapis.com%2Fstdout",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {
                "project_id": PROJECT,
                "location": REGION,
                "service_name": function,
                "configuration_name": function,
                "revision_name": f"{function}-00001-local",
            },
        },
        "labels": {"instanceId": instance} | line.get(f"{LABEL}labels", {}),
        "severity": severity,
        "timestamp": written or present,
        "receiveTimestamp": present,
        "jsonPayload": payload,
    }
    for name in ("trace", "spanId", "trace_sampled", "operation", "sourceLocation"):
        if f"{LABEL}{name}" in line:
            made[{"trace_sampled": "traceSampled"}.get(name, name)] = line[f"{LABEL}{name}"]
    return made


def _wants(sink: Sink, line: dict[str, Any]) -> bool:
    return line.get("event") == sink.event


def _message(made: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": base64.b64encode(json.dumps(made).encode()).decode(),
        "attributes": {f"{LABEL}timestamp": str(made["timestamp"])},
    }
