"""Clerk's Backend API: one way to call it, with one retry policy and a breaker that all processes share."""

import json
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lib.core import retry, secrets, telemetry, transport
from lib.core.breaker import breaker
from lib.core.errors import NotFound, ProviderFailed
from lib.core.settings import load
from lib.core.transport import Reply
from lib.users.clerk.settings import SECRET, ClerkApiSettings

VENDOR = "Clerk"
DEPENDENCY = "clerk-api"
# https://clerk.com/docs/guides/development/upgrading/versioning
API_VERSION = "2025-11-10"


class _Throttled(ProviderFailed):
    """429: it asks for a pause."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__("Clerk asks for fewer requests")
        self.pause = pause


class _Refused(ProviderFailed):
    """It does not take the request as it is; the same one would be refused again."""


def ask(method: str, path: str) -> Reply:
    """What Clerk answers in health. Each call may be repeated: ending something once more changes nothing.

    Raises `NotFound`, `ProviderFailed`, `Unavailable`, `DeadlineExceeded`.
    """

    def attempt() -> Reply:
        return breaker(DEPENDENCY).call(lambda: _once(method, path), is_outage=_is_outage)

    return retry.run(attempt, spending=retry.budget(DEPENDENCY), pause_before_retry=_pause_before_retry)


def _once(method: str, path: str) -> Reply:
    headers = {
        "Authorization": f"Bearer {secrets.read(SECRET).reveal()}",
        "Accept": "application/json",
        "Clerk-API-Version": API_VERSION,
    }
    reply = transport.send(VENDOR, method, load(ClerkApiSettings).clerk_api_url + path, headers)
    if reply.status == 404:
        raise NotFound()
    # https://clerk.com/docs/guides/how-clerk-works/system-limits
    if reply.status == 429:
        raise _Throttled(reply.retry_after or timedelta())
    if reply.status >= 500:
        raise ProviderFailed(f"Clerk answered {reply.status}")
    if reply.status >= 300:
        telemetry.warning("Clerk refused a call", status=reply.status)
        raise _Refused(f"Clerk answered {reply.status}")
    return reply


def _is_outage(error: Exception) -> bool:
    return isinstance(error, ProviderFailed) and not isinstance(error, _Refused | _Throttled)


def _pause_before_retry(error: Exception) -> timedelta | None:
    if isinstance(error, _Throttled):
        return error.pause
    return timedelta() if _is_outage(error) else None


def read(form: TypeAdapter[Any], reply: Reply) -> Any:
    """The answer in its form. Raises `ProviderFailed`."""
    try:
        return form.validate_python(json.loads(reply.body))
    except (ValueError, ValidationError):
        raise _Refused("Clerk's answer is not what it promises") from None
