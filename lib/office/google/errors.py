"""Google's refusals as problems of ours.

https://developers.google.com/workspace/gmail/api/guides/handle-errors and
https://developers.google.com/workspace/calendar/api/guides/errors
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from lib.core import clock, telemetry
from lib.core.errors import Forbidden, NotFound, Problem, ProviderFailed
from lib.office.errors import ProviderRefused, ProviderThrottled

_THROTTLING = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
_SCOPE = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
_USUAL_PAUSE = timedelta(seconds=1)
_LONG_PAUSE = timedelta(minutes=5)
_SCOPES_IN_CHALLENGE = re.compile(r'scope="([^"]*)"')


class TokenRefused(Exception):
    """401: the access token is not accepted (any more)."""


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Problem | TokenRefused:
    """The error that an answer with a status of 400 or more stands for; header names in lower case."""
    reasons = _reasons(body)
    if status == 401:
        return TokenRefused()
    if status == 429 or (status == 403 and reasons & _THROTTLING):
        usual = _LONG_PAUSE if "dailyLimitExceeded" in reasons else _USUAL_PAUSE
        asked = _retry_after(headers)
        return ProviderThrottled("Google asks for fewer requests", retry_after=usual if asked is None else asked)
    if status == 403 and (reasons & _SCOPE or "insufficient_scope" in headers.get("www-authenticate", "")):
        return missing_scope(_SCOPES_IN_CHALLENGE.findall(headers.get("www-authenticate", "")))
    if status == 403:
        return Forbidden("Google does not allow this")
    if status in (404, 410):
        return NotFound()
    if status >= 500:
        return ProviderFailed(f"Google answered {status}")
    telemetry.warning("google refused a request", provider_status=status, reasons=sorted(reasons))
    return ProviderRefused(f"Google answered {status}")


def missing_scope(alternatives: list[str]) -> Forbidden:
    """The person did not grant any of these scopes."""
    scopes = sorted({scope for text in alternatives for scope in text.split()})
    return Forbidden("The account was connected without the permission that this needs", missing_scopes=scopes)


def _reasons(body: bytes) -> set[str]:
    """The reasons in both of Google's error formats."""
    try:
        error: Any = json.loads(body)["error"]
        entries = [*error.get("errors", []), *error.get("details", [])]
        return {str(entry["reason"]) for entry in entries if isinstance(entry, dict) and "reason" in entry}
    except (ValueError, LookupError, TypeError, AttributeError):
        return set()


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds or a date (RFC 9110, section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return timedelta(seconds=min(int(text), 86_400))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(timedelta(), moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now())
