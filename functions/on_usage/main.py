"""Counts usage: calls of models as they are told, API calls as the log sink carries them."""

from typing import Any

import functions_framework

from lib.core import events
from lib.core.http import Admits, Service
from lib.usage import recording

service = Service("On usage", admits=Admits.CALLERS)


@service.post("/", status=204)
def receive_usage(raw_body: bytes) -> None:
    """Count one delivery"""
    recording.record(events.received(raw_body))


@functions_framework.http
def on_usage(request: Any) -> Any:
    """Serve a push."""
    return service(request)
