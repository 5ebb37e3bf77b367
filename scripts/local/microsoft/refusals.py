"""The errors that faults on command ask for, in the words of Entra."""

import re
from dataclasses import replace

from scripts.local.microsoft.errors import KINDS, EntraError, Kind, refusal
from scripts.local.provider.faults import Fault
from scripts.local.provider.wire import Answer, Call

_NUMBER = re.compile(r"AADSTS(\d+)")
_UNKNOWN = "The service answered so on command."


def refuse(fault: Fault, call: Call) -> Answer:
    """The error; a reason such as `AADSTS70008` is answered as Entra does, another is the `error` itself."""
    answer = _refusal(fault, call)
    if fault.retry_after is None:
        return answer
    return replace(answer, headers={**answer.headers, "Retry-After": str(fault.retry_after)})


def _refusal(fault: Fault, call: Call) -> Answer:
    named = _NUMBER.fullmatch(fault.reason or "")
    if named is None:
        kind = Kind(fault.reason or "temporarily_unavailable", "", fault.status)
        return refusal(call, kind, fault.message or _UNKNOWN, (), None)
    number = int(named[1])
    if number in KINDS and fault.message is None:
        return EntraError(number).answer(call)
    kind = KINDS.get(number, Kind("invalid_grant", ""))
    message = f"AADSTS{number}: {fault.message or _UNKNOWN}"
    return refusal(call, kind, message, (number,), f"https://login.microsoftonline.com/error?code={number}")
