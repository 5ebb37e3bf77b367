"""The trace that a request belongs to, in both of the headers that Cloud Run writes.

https://cloud.google.com/trace/docs/trace-context: `X-Cloud-Trace-Context: TRACE/SPAN;o=1` with a decimal span, and
W3C's `traceparent: 00-TRACE-SPAN-01` with a hexadecimal one.
"""

import re
import secrets
from collections.abc import Mapping

_TRACEPARENT = re.compile(r"00-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_CLOUD_TRACE = re.compile(r"(?P<trace>[0-9a-f]{32})(/\d+)?(;o=\d)?")


def headers(received: Mapping[str, str]) -> dict[str, str]:
    """A new span in the trace that the request came with, or in a new one."""
    match = _TRACEPARENT.fullmatch(received.get("traceparent", "")) or _CLOUD_TRACE.fullmatch(
        received.get("X-Cloud-Trace-Context", "")
    )
    trace = match["trace"] if match else secrets.token_hex(16)
    span = secrets.randbits(63) | 1
    return {"X-Cloud-Trace-Context": f"{trace}/{span};o=1", "traceparent": f"00-{trace}-{span:016x}-01"}
