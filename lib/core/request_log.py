"""The line that ends every request, whichever framework carries it; of a person's it is the record of an API call.

What functions ask of each other for a person is not of the person's making, and counts for nobody.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lib.core import ids, telemetry
from lib.core.environment import function_name, project, service_account
from lib.core.identity import GATEWAY


@dataclass
class RequestLog:
    """What is known of a request when it ends."""

    request_id: str
    status: int = 500


@contextmanager
def request_log(method: str, trace_context: str | None) -> Iterator[RequestLog]:
    """Measure the block as one request and write its line, however it ends.

    `trace_context` is the value of X-Cloud-Trace-Context, which begins with the trace's id.
    """
    log = RequestLog(ids.new("req"))
    trace = f"projects/{project()}/traces/{trace_context.partition('/')[0]}" if trace_context else None
    telemetry.begin(trace, log.request_id)
    started = time.perf_counter()
    try:
        yield log
    finally:
        telemetry.info(
            f"{method} {log.status}",
            event="api_call" if _is_a_persons() else "request",
            function=function_name(),
            method=method,
            status=log.status,
            duration_ms=round((time.perf_counter() - started) * 1000, 2),
        )


def _is_a_persons() -> bool:
    return telemetry.field("person") is not None and telemetry.field("caller") == service_account(GATEWAY)
