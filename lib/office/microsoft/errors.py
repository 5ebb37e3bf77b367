"""Graph's refusals as problems of ours.

https://learn.microsoft.com/graph/errors and https://learn.microsoft.com/graph/throttling
"""

import json
from datetime import timedelta
from typing import Any

from lib.core import telemetry
from lib.core.errors import Forbidden, NotFound, Problem, ProviderFailed
from lib.core.transport import Reply
from lib.office.errors import ProviderRefused, ProviderThrottled, TokenRefused

_USUAL_PAUSE = timedelta(seconds=1)
_NO_MAILBOX = {"MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI"}
_NO_SUCH_ID = {"ErrorInvalidIdMalformed", "ErrorItemNotFound", "ErrorInvalidId"}


def refusal(reply: Reply) -> Problem | TokenRefused:
    """The error that an answer with a status of 400 or more stands for."""
    status, codes = reply.status, _codes(reply.body)
    asked = reply.retry_after
    if status == 401:
        return TokenRefused()
    if status == 429 or (status in (503, 504) and asked is not None):
        return ProviderThrottled(
            "Microsoft asks for fewer requests", retry_after=_USUAL_PAUSE if asked is None else asked
        )
    if codes & _NO_MAILBOX:
        return Forbidden("Microsoft keeps no mailbox for this account")
    if status == 403:
        return Forbidden("Microsoft does not allow this")
    if status in (404, 410) or codes & _NO_SUCH_ID:
        return NotFound()
    # 424 says that another part of the same batch failed, and nothing of this one.
    if status >= 500 or status == 424:
        return ProviderFailed(f"Microsoft answered {status}")
    telemetry.warning("microsoft refused a request", provider_status=status, codes=sorted(codes))
    return ProviderRefused(f"Microsoft answered {status}")


def _codes(body: bytes) -> set[str]:
    """The code of the error, and of those within it, from the general to the special."""
    codes: set[str] = set()
    try:
        error: Any = json.loads(body)["error"]
        while isinstance(error, dict):
            codes.add(str(error.get("code", "")))
            error = error.get("innerError") or error.get("innererror")
    except (ValueError, LookupError, TypeError):
        return codes
    return codes
