"""Ends what there is of people who leave, and copies it for those who want it; a step per event."""

from datetime import timedelta
from typing import Any

import functions_framework

from lib.core import events
from lib.core.events import EventSettings
from lib.core.http import Admits, Service
from lib.core.signature_settings import SignatureSettings
from lib.maintenance import user_events
from lib.users.clerk.settings import SECRET, ClerkApiSettings

service = Service(
    "On person",
    admits=Admits.CALLERS,
    requires=(EventSettings, SignatureSettings, ClerkApiSettings),
    secrets=(SECRET,),
    budget=timedelta(minutes=8),
)


@service.post("/", status=204)
def receive_event(raw_body: bytes) -> None:
    """Do one step"""
    user_events.perform(events.received(raw_body))


@functions_framework.http
def on_person(request: Any) -> Any:
    """Serve a push."""
    return service(request)
