"""Seals the audit log, and has the seals signed."""

from typing import Any

import functions_framework

from lib.audit import sealing
from lib.core import events
from lib.core.http import Admits, Service
from lib.core.signature_settings import SignatureSettings

service = Service("Seal audit", admits=Admits.CALLERS, requires=(SignatureSettings,))


@service.post("/", status=204)
def seal(raw_body: bytes) -> None:
    """Seal what waits, or a part of it"""
    sealing.run(events.received(raw_body))


@functions_framework.http
def seal_audit(request: Any) -> Any:
    """Serve a push."""
    return service(request)
