"""One judged request: who asks for what, and how they prefer the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scripts.local.microsoft.graph.accounts import GraphAccount
from scripts.local.microsoft.graph.caller import Caller
from scripts.local.microsoft.graph.preferences import Preferences
from scripts.local.provider.wire import Answer, Call, json_answer
from scripts.local.provider.wire import Json as Json

CONTENT_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """`parameters` are the ids in the path; `origin` is the root of links; `short_pages` as the control API says."""

    call: Call
    account: GraphAccount
    caller: Caller
    parameters: Mapping[str, str]
    preferences: Preferences
    origin: str
    short_pages: bool

    def context(self, what: str) -> str:
        """The @odata.context of something that belongs to the person."""
        return f"{self.origin}/v1.0/$metadata#users('{self.account.object_id}')/{what}"

    def answer(self, body: Json, status: int = 200) -> Answer:
        """The body as an answer that says which preferences were heeded."""
        applied = self.preferences.applied
        headers = {"OData-Version": "4.0", **({"Preference-Applied": applied} if applied else {})}
        whole = json_answer(body, status, headers)
        return Answer(whole.status, whole.body, CONTENT_TYPE, whole.headers)


Handler = Callable[[GraphRequest], Answer]
