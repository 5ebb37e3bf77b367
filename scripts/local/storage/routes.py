"""A route of Cloud Storage: its answer, its refusals in the words of its API, its faults on command."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from scripts.local.faults import Fault, Faults
from scripts.local.metadata import HTTP_STATUS
from scripts.local.storage.refusals import Refused

STORAGE = "storage"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Wording = Callable[[Refused], web.Response]


@dataclass(frozen=True)
class Route:
    """Method and path, and what it is called in faults."""

    method: str
    path: str
    name: str
    answer: Answer

    def guarded(self, faults: Faults, wording: Wording) -> Answer:
        """The answer; a refusal in words; or the failure that was commanded."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            fault = faults.take(STORAGE, self.name)
            if fault is not None and not fault.after_commit:
                await fault.hold()
                if fault.code is not None:
                    return wording(_commanded(fault))
            try:
                told = await self.answer(request)
            except Refused as refused:
                return wording(refused)
            if fault is not None and fault.after_commit:
                await fault.hold()
                return wording(_commanded(fault))
            return told

        return guarded


def _commanded(fault: Fault) -> Refused:
    status = HTTP_STATUS.get(fault.code, 500) if fault.code else 500
    return Refused(status, "backendError", "fault on command", "ServiceUnavailable")
