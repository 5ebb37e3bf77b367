"""Who makes a generated request: each proves itself over the finished request, as its real counterpart does."""

from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from scripts.local.call import Caller
from scripts.local.catalog import TASKS_INVOKER
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import service_account
from scripts.local.signing import Outgoing
from tests import clerk
from tests.briefly import Briefly
from tests.e2e.operations import Operation, functions

GATEWAY = "gateway"


class Gateway(AuthBase):
    """The gateway, for a person who is signed in; every request carries the proof that sensitive ones need."""

    def __init__(self, caller: Caller, user: str) -> None:
        self._caller, self._user = caller, user

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        _, function, rest = request.path_url.split("/", 2)
        outgoing = Outgoing(function, str(request.method), f"/{rest}", _body(request))
        request.headers.update(self._caller.proofs(outgoing, self._user, sensitive=True))
        return request


class Sibling(AuthBase):
    """A function or another machine of ours; with a person, it names whom it speaks for."""

    def __init__(self, briefly: Briefly, name: str, function: str, user: str | None = None) -> None:
        self._identity = IdentityTokens.from_file(briefly.state.identity_key)
        self._name, self._audience, self._user = name, briefly.state.endpoints.function(function), user

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        proof = self._identity.mint(service_account(self._name), self._audience)
        request.headers["Authorization"] = f"Bearer {proof}"
        if self._user is not None:
            request.headers["X-Briefly-Person"] = self._user
        return request


class Clerk(AuthBase):
    """Clerk, which signs what it sends."""

    def __init__(self, briefly: Briefly) -> None:
        self._briefly = briefly

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers.update(clerk.signed(self._briefly, _body(request).decode()))
        return request


def who_calls(briefly: Briefly, operation: Operation, user: str) -> AuthBase:
    """The one whom the catalogue lets call for a person: a task, the gateway, else another function, else Clerk."""
    function = operation.function
    row: dict[str, Any] = functions()[function]
    callers: list[str] = row.get("callers", [])
    if row.get("public"):
        return Clerk(briefly)
    if operation.is_task:
        return Sibling(briefly, TASKS_INVOKER, function, user)
    if GATEWAY in callers:
        return Gateway(briefly.caller, user)
    return Sibling(briefly, callers[0], function, user)


def _body(request: PreparedRequest) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)
