"""The whole of the fake Graph: its state, and the way of every call through it, judged from the outside in."""

from dataclasses import dataclass, field, replace

from scripts.local.microsoft.graph import batch, routes
from scripts.local.microsoft.graph.accounts import GraphAccounts
from scripts.local.microsoft.graph.caller import Caller
from scripts.local.microsoft.graph.errors import GraphError, access_denied, request_identity, unauthenticated
from scripts.local.microsoft.graph.preferences import Preferences
from scripts.local.microsoft.graph.request import GraphRequest
from scripts.local.microsoft.graph.throttling import Throttle
from scripts.local.provider.faults import Fault, Observer
from scripts.local.provider.wire import Answer, Call, json_answer

ROOT = "/v1.0/"
_BATCH = "$batch"


def fault_answer(fault: Fault, call: Call) -> Answer:
    """The error that a fault asks for, in Graph's words."""
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    code = fault.reason or {429: "ApplicationThrottled", 503: "serviceNotAvailable"}.get(fault.status, "UnknownError")
    message = fault.message or "The service is temporarily unavailable."
    return GraphError(fault.status, code, message, headers=headers).answer(call)


@dataclass(slots=True)
class Graph:
    """State and endpoints; used on one event loop only."""

    accounts: GraphAccounts
    observer: Observer
    throttle: Throttle = field(default_factory=Throttle)
    short_pages: bool = False

    async def answer(self, call: Call, caller: Caller | None, origin: str) -> Answer:
        """Answer one call under /v1.0; without a caller, whose token must be alive, 401."""
        if call.method == "POST" and call.path.rstrip("/").endswith((f"/{_BATCH}", "/%24batch")):
            return await self._batch(call, caller, origin)
        return await self._one(call, caller, origin)

    async def _batch(self, call: Call, caller: Caller | None, origin: str) -> Answer:
        """The batch as a whole is one call that faults may meet, and so is each of its parts."""
        user = caller.email if caller else None
        parts: list[batch.Part] = []

        def envelope() -> Answer:
            try:
                if caller is None:
                    raise unauthenticated()
                parts.extend(batch.read_batch(call))
            except GraphError as refusal:
                return refusal.answer(call)
            return json_answer({}, headers=request_identity(call))

        whole = await self.observer.run(call, envelope, user, f"POST /{_BATCH}")
        if whole.status != 200 or whole.ending == "unanswered":
            return whole
        body = await batch.answer_parts(parts, lambda part: self._one(part, caller, origin, batched=True))
        return replace(json_answer(body, headers=whole.headers), ending=whole.ending)

    async def _one(self, call: Call, caller: Caller | None, origin: str, batched: bool = False) -> Answer:
        user, operation = caller.email if caller else None, None
        refusal: GraphError | None = None
        match: routes.Match | None = None
        try:
            if caller is None:
                raise unauthenticated()
            match = self._match(call, caller)
            operation = match.route.operation
        except GraphError as refused:
            refusal = refused
        if refusal is not None or caller is None or match is None or not match.route.outlook:
            return await self.observer.run(
                call, lambda: self._judged(call, caller, match, origin, refusal), user, operation, batched
            )
        async with self.throttle.place(caller) as refused_place:
            return await self.observer.run(
                call, lambda: self._judged(call, caller, match, origin, refused_place), user, operation, batched
            )

    def _match(self, call: Call, caller: Caller) -> routes.Match:
        segments = routes.segments_of(call.path)
        if len(segments) > 1 and segments[0].casefold() == "users":
            named = self.accounts.find(segments[1])
            if named is None or named.email != caller.email:
                raise access_denied()
            segments = ["me", *segments[2:]]
        return routes.find(call.method, segments)

    def _judged(
        self,
        call: Call,
        caller: Caller | None,
        match: routes.Match | None,
        origin: str,
        refusal: GraphError | None,
    ) -> Answer:
        try:
            if refusal is not None:
                raise refusal
            if caller is None or match is None:
                raise unauthenticated()
            account = self.accounts.find(caller.email)
            if account is None:
                raise unauthenticated("The identity of the calling application could not be established.")
            if not caller.scopes & match.route.scopes:
                raise access_denied()
            preferences = Preferences.of(call.headers)
            request = GraphRequest(call, account, caller, match.parameters, preferences, origin, self.short_pages)
            answer = match.route.handler(request)
        except GraphError as refused:
            return refused.answer(call)
        return replace(answer, headers={**answer.headers, **request_identity(call)})
