"""Google's refusals as problems of ours.

https://developers.google.com/workspace/gmail/api/guides/handle-errors and
https://developers.google.com/workspace/calendar/api/guides/errors
"""

import json
import re
from datetime import timedelta
from typing import Any

from lib.core import telemetry
from lib.core.errors import Forbidden, NotFound, Problem, ProviderFailed
from lib.core.transport import Reply
from lib.office.errors import ProviderRefused, ProviderThrottled, TokenRefused, missing_scope

_THROTTLING = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
_SCOPE = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
_USUAL_PAUSE = timedelta(seconds=1)
_LONG_PAUSE = timedelta(minutes=5)
_SCOPES_IN_CHALLENGE = re.compile(r'scope="([^"]*)"')


def refusal(reply: Reply) -> Problem | TokenRefused:
    """The error that an answer with a status of 400 or more stands for."""
    status, reasons = reply.status, _reasons(reply.body)
    challenge = reply.headers.get("www-authenticate", "")
    if status == 401:
        return TokenRefused()
    if status == 429 or (status == 403 and reasons & _THROTTLING):
        usual = _LONG_PAUSE if "dailyLimitExceeded" in reasons else _USUAL_PAUSE
        asked = reply.retry_after
        return ProviderThrottled("Google asks for fewer requests", retry_after=usual if asked is None else asked)
    if status == 403 and (reasons & _SCOPE or "insufficient_scope" in challenge):
        return missing_scope(scope for text in _SCOPES_IN_CHALLENGE.findall(challenge) for scope in text.split())
    if status == 403:
        return Forbidden("Google does not allow this")
    if status in (404, 410):
        return NotFound()
    if status >= 500:
        return ProviderFailed(f"Google answered {status}")
    telemetry.warning("google refused a request", provider_status=status, reasons=sorted(reasons))
    return ProviderRefused(f"Google answered {status}")


def _reasons(body: bytes) -> set[str]:
    """The reasons in both of Google's error formats."""
    try:
        error: Any = json.loads(body)["error"]
        entries = [*error.get("errors", []), *error.get("details", [])]
        return {str(entry["reason"]) for entry in entries if isinstance(entry, dict) and "reason" in entry}
    except (ValueError, LookupError, TypeError, AttributeError):
        return set()
