"""Failures on command, and the record of what was called."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scripts.local import clock
from scripts.local.provider.wire import Answer, Call

Handle = Callable[[], Answer | Awaitable[Answer]]
_RECORDS = 20_000
_TRANSIENT = 503
_SECRET = frozenset(("access_token", "id_token", "id_token_hint", "oauth_token", "refresh_token", "token"))


class FaultMatch(BaseModel):
    """Which calls a fault meets; what is not given matches everything. `user` is an address."""

    model_config = ConfigDict(extra="forbid")

    method: str | None = None
    path_prefix: str = "/"
    user: str | None = None

    def meets(self, call: Call, user: str | None) -> bool:
        """Whether the call is meant."""
        return (
            self.method in (None, call.method) and call.path.startswith(self.path_prefix) and self.user in (None, user)
        )


class Fault(BaseModel):
    """What befalls the next `times` matching calls (None: all of them); `delay` in seconds of real time.

    `error` answers `status` with `reason`; `delay` answers late; `timeout_after_commit` takes effect and never says so;
    `truncate` breaks off in the middle of the body; `hang` does nothing at all. The two that never answer hold the
    connection for `delay`, or until the client gives up.
    """

    model_config = ConfigDict(extra="forbid")

    match: FaultMatch = Field(default_factory=FaultMatch)
    kind: Literal["error", "delay", "timeout_after_commit", "truncate", "hang"]
    status: int = Field(default=_TRANSIENT, ge=400, le=599)
    reason: str | None = None
    message: str | None = None
    delay: float | None = Field(default=None, ge=0)
    times: int | None = Field(default=1, ge=1)
    retry_after: int | None = Field(default=None, ge=0)


@dataclass(frozen=True, slots=True)
class Record:
    """One call that came in. Tokens are not kept."""

    method: str
    path: str
    query: dict[str, list[str]]
    operation: str | None
    user: str | None
    status: int | None
    time: str
    batched: bool
    fault: str | None

    def described(self) -> dict[str, Any]:
        """For the control API."""
        return {name: getattr(self, name) for name in self.__slots__}


Refuse = Callable[[Fault, Call], Answer]
"""How a provider words the error that a fault asks for."""


@dataclass(slots=True)
class Observer:
    """Applies the armed faults to calls, and writes every call down."""

    refuse: Refuse
    armed: list[Fault] = field(default_factory=list)
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=_RECORDS))

    async def run(
        self,
        call: Call,
        handle: Handle,
        user: str | None,
        operation: str | None = None,
        batched: bool = False,
    ) -> Answer:
        """Answer one call as its fault, if there is one, would have it."""
        fault = self._take(call, user)
        if fault and fault.kind == "delay":
            await asyncio.sleep(fault.delay or 0)
        answer = await self._faulty(fault, call, handle) if fault else await _answered(handle)
        unanswered = answer.ending == "unanswered"
        self.records.append(
            Record(
                method=call.method,
                path=call.path,
                query={name: list(call.values(name)) for name, _ in call.query if name not in _SECRET},
                operation=operation,
                user=user,
                status=None if unanswered else answer.status,
                time=clock.now().isoformat(),
                batched=batched,
                fault=fault.kind if fault else None,
            )
        )
        return answer

    def _take(self, call: Call, user: str | None) -> Fault | None:
        """The oldest fault that meets the call, one use of it spent."""
        fault = next((armed for armed in self.armed if armed.match.meets(call, user)), None)
        if fault and fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self.armed.remove(fault)
        return fault

    async def _faulty(self, fault: Fault, call: Call, handle: Handle) -> Answer:
        if fault.kind == "error":
            return self.refuse(fault, call)
        if fault.kind == "hang":
            return Answer(_TRANSIENT, ending="unanswered", wait=fault.delay)
        answer = await _answered(handle)
        if fault.kind == "timeout_after_commit":
            return replace(answer, ending="unanswered", wait=fault.delay)
        return replace(answer, ending="truncated") if fault.kind == "truncate" else answer


async def _answered(handle: Handle) -> Answer:
    answer = handle()
    return await answer if inspect.isawaitable(answer) else answer
