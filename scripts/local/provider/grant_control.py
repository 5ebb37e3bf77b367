"""What a test may know and change of what people have granted, at any provider, under /_control.

- `POST /_control/auto_approve` `{enabled, allow?, scopes?}`: decides requests with a known login_hint without a page.
- `POST /_control/revoke` `{user}`: ends the person's grant, as the provider does.
- `GET /_control/refreshes`: how often each user's tokens were refreshed; `DELETE` zeroes.
- `GET /_control/tokens?user=`: every access token, refresh token and code that was ever given out for the account.
"""

from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web

from scripts.local.provider.consent import AutoApproval
from scripts.local.provider.control import Strict, Told, UserRequest, plain, reading
from scripts.local.provider.grants import Grants

EmailOf = Callable[[str], str]
"""The address of an account as grants name it. Raises `Unknown`."""


class AutoApproveRequest(Strict):
    """Whether, and with what outcome, consent is given without a page."""

    enabled: bool
    allow: bool = True
    scopes: tuple[str, ...] | None = None


class Deciding(Protocol):
    """An authorization endpoint, as far as it decides by itself."""

    auto: AutoApproval


def grant_routes(grants: Grants[Any, Any, Any], authorization: Deciding, email_of: EmailOf) -> list[web.RouteDef]:
    """The routes of consent and tokens."""
    control = _GrantControl(grants, authorization, email_of)
    return [
        web.post("/_control/auto_approve", reading(AutoApproveRequest, control.auto_approve)),
        web.post("/_control/revoke", reading(UserRequest, control.revoke)),
        web.get("/_control/refreshes", plain(control.count_refreshes)),
        web.delete("/_control/refreshes", plain(control.zero_refreshes)),
        web.get("/_control/tokens", plain(control.list_given_out)),
    ]


class _GrantControl:
    def __init__(self, grants: Grants[Any, Any, Any], authorization: Deciding, email_of: EmailOf) -> None:
        self._grants = grants
        self._authorization = authorization
        self._email_of = email_of

    def auto_approve(self, wanted: AutoApproveRequest) -> Told:
        self._authorization.auto = AutoApproval(wanted.enabled, wanted.allow, wanted.scopes)
        return {}

    def revoke(self, wanted: UserRequest) -> Told:
        self._grants.revoke(self._email_of(wanted.user))
        return {}

    def count_refreshes(self, _: web.Request) -> Told:
        return {"refreshes": self._grants.refreshes}

    def zero_refreshes(self, _: web.Request) -> Told:
        self._grants.refreshes.clear()
        return {}

    def list_given_out(self, request: web.Request) -> Told:
        return dict(self._grants.given_out(request.query["user"]))
