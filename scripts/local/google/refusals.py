"""The errors that faults on command ask for, in Google's words."""

from dataclasses import replace

from scripts.local.google.errors import ApiError
from scripts.local.google.token_endpoint import PATHS as TOKEN_PATHS
from scripts.local.google.token_endpoint import REVOKED, OauthError
from scripts.local.provider.faults import Fault
from scripts.local.provider.wire import Answer, Call


def refuse(fault: Fault, call: Call) -> Answer:
    """The error; at the token endpoint in OAuth's form, where `invalid_grant` is answered as for a revoked token."""
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if call.path in TOKEN_PATHS:
        if fault.reason == "invalid_grant":
            return OauthError("invalid_grant", fault.message or REVOKED).answer()
        refusal = OauthError(fault.reason or "internal_failure", fault.message or "Backend Error", fault.status)
        answer = refusal.answer()
        return replace(answer, headers={**answer.headers, **headers})
    reason = fault.reason or "backendError"
    return ApiError(fault.status, reason, fault.message or "Backend Error", headers=headers).answer()
