"""Webhooks of the outside world: verified, published and answered at once."""

from typing import Any

import functions_framework

from lib.core.events import EventSettings
from lib.core.http import Admits, Service
from lib.users.clerk import webhooks as clerk

service = Service("Webhooks", admits=Admits.ANYONE, requires=(EventSettings,), secrets=(clerk.SECRET,))


@service.post("/clerk", status=204)
def receive_clerk(raw_body: bytes, headers: dict[str, str]) -> None:
    """Take a webhook of Clerk"""
    clerk.hand_on(raw_body, headers)


@functions_framework.http
def webhooks(request: Any) -> Any:
    """Serve a request."""
    return service(request)
