"""Applies what Clerk announces about people and their sessions."""

from typing import Any

import functions_framework

from lib.core import events
from lib.core.http import Admits, Service
from lib.users import announced
from lib.users.announcements import Announcement

service = Service("On user", admits=Admits.CALLERS)


@service.post("/", status=204)
def receive_user(raw_body: bytes) -> None:
    """Apply one delivery"""
    announced.apply(events.received(raw_body).event(Announcement))


@functions_framework.http
def on_user(request: Any) -> Any:
    """Serve a push."""
    return service(request)
