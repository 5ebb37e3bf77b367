"""Does, or has others do, what is due from time to time."""

from typing import Any

import functions_framework

from lib.core import events
from lib.core.http import Admits, Service
from lib.core.tasks import TaskSettings
from lib.maintenance import duties

service = Service("Maintain", admits=Admits.CALLERS, requires=(TaskSettings,))


@service.post("/", status=204)
def receive_duty(raw_body: bytes) -> None:
    """Perform one duty"""
    duties.perform(events.received(raw_body))


@functions_framework.http
def maintain(request: Any) -> Any:
    """Serve a push."""
    return service(request)
