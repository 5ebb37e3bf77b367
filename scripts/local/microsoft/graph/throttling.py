"""The limits of Outlook, each per application and mailbox: requests in a while, and requests at once.

10,000 requests in ten minutes and four at once: https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
A request that is refused counts as well: https://learn.microsoft.com/graph/throttling#best-practices-to-handle-throttling
"""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scripts.local import clock
from scripts.local.microsoft.graph.caller import Caller
from scripts.local.microsoft.graph.errors import GraphError, mailbox_busy, too_many_requests

_SHORTEST_WAIT = 1


@dataclass(slots=True)
class Limits:
    """What the control API may change; `latency` is what each request of a mailbox takes, in real seconds."""

    requests: int = 10_000
    window_seconds: int = 600
    at_once: int = 4
    latency: float = 0.0


@dataclass(slots=True)
class Throttle:
    """What each application spent on each mailbox, and has under way."""

    limits: Limits = field(default_factory=Limits)
    spent: defaultdict[tuple[str, str], deque[datetime]] = field(default_factory=lambda: defaultdict(deque))
    under_way: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def reset(self) -> None:
        """Forget what was spent."""
        self.spent.clear()

    @asynccontextmanager
    async def place(self, caller: Caller) -> AsyncIterator[GraphError | None]:
        """A request's place at its mailbox for as long as it takes; or the refusal, if there is none for it."""
        key = (caller.application, caller.email)
        refusal = self._spend(key)
        if refusal is None and self.under_way[key] >= self.limits.at_once:
            refusal = mailbox_busy(_SHORTEST_WAIT)
        if refusal is not None:
            yield refusal
            return
        self.under_way[key] += 1
        try:
            if self.limits.latency:
                await asyncio.sleep(self.limits.latency)
            yield None
        finally:
            self.under_way[key] -= 1

    def _spend(self, key: tuple[str, str]) -> GraphError | None:
        now, spent = clock.now(), self.spent[key]
        window = timedelta(seconds=self.limits.window_seconds)
        while spent and spent[0] <= now - window:
            spent.popleft()
        spent.append(now)
        excess = len(spent) - self.limits.requests
        if excess <= 0:
            return None
        free = spent[min(excess, len(spent)) - 1] + window - now
        return too_many_requests(max(_SHORTEST_WAIT, math.ceil(free.total_seconds())))
