"""The control API of the fake Microsoft (JSON in and out, 400 with a reason when malformed, 404 for one unknown).

- `POST /_control/faults` with a Fault (provider/faults.py): `{match: {method?, path_prefix?, user?}, kind: error |
  delay | timeout_after_commit | truncate | hang, status?, reason?, message?, delay?, times?, retry_after?}`;
  `times: null` lasts. The reason is an AADSTS number such as `AADSTS70008`, which says the status too, or OAuth's error
  with a status. `GET` lists, `DELETE` disarms.
- `GET /_control/requests`: what was called, oldest first; `?user=`, `?operation=` filter. `DELETE` forgets.
- `GET /_control/people`: who has an account, and what a right answer about them cites. `POST` `{known?, unseen?,
  seed?}` puts everybody's data back to what the generator makes of now; grants stay.
- What of grants can be known and changed is described in provider/grant_control.py.
- `POST /_control/expire` `{what: access_tokens | refresh_tokens, user?}`: at once.
- `GET /_control/refresh_tokens`: every refresh token by its SHA-256: whose, of which family and generation (0 came with
  the code), whether it is alive, how often it was used and when last; `?user=` filters.
- What of Graph can be changed is described in graph/control.py.
"""

from typing import Literal

from aiohttp import web

from scripts.local.microsoft.grants import RefreshToken
from scripts.local.microsoft.graph.control import graph_routes
from scripts.local.microsoft.graph.description import graph_description
from scripts.local.microsoft.people_source import people_source
from scripts.local.microsoft.world import Microsoft
from scripts.local.provider.control import (
    Strict,
    Told,
    Unknown,
    observer_routes,
    plain,
    reading,
)
from scripts.local.provider.grant_control import grant_routes
from scripts.local.provider.people_source import PeopleRequest


class ExpireRequest(Strict):
    """What of whom to make too old; no user means everybody."""

    what: Literal["access_tokens", "refresh_tokens"]
    user: str | None = None


def control_routes(microsoft: Microsoft) -> list[web.RouteDef]:
    """The routes under /_control."""
    control = _Control(microsoft)
    return [
        *observer_routes(microsoft.observer),
        *grant_routes(microsoft.grants, microsoft.authorization, control.email),
        *graph_routes(microsoft.graph),
        web.get("/_control/people", plain(lambda _: control.list_people())),
        web.post("/_control/people", reading(PeopleRequest, control.load_people)),
        web.post("/_control/expire", reading(ExpireRequest, control.expire)),
        web.get("/_control/refresh_tokens", plain(control.list_refresh_tokens)),
    ]


class _Control:
    """What each route does."""

    def __init__(self, microsoft: Microsoft) -> None:
        self._microsoft = microsoft

    def list_people(self) -> Told:
        people = [graph_description(account) for account in self._microsoft.graph.accounts.by_email.values()]
        return {"loaded_at": self._microsoft.loaded_at.isoformat(), "people": people}

    def load_people(self, wanted: PeopleRequest) -> Told:
        """Without a word about whom, those whom the configuration names."""
        self._microsoft.load(people_source(wanted) if wanted.model_fields_set else self._microsoft.config.people)
        return self.list_people()

    def expire(self, wanted: ExpireRequest) -> Told:
        user, grants = self.email(wanted.user) if wanted.user else None, self._microsoft.grants
        access = wanted.what == "access_tokens"
        return {"expired": grants.expire_access_tokens(user) if access else grants.expire_refresh_tokens(user)}

    def list_refresh_tokens(self, request: web.Request) -> Told:
        user = request.query.get("user")
        tokens = self._microsoft.grants.refresh_tokens.values()
        return {"refresh_tokens": [_facts(token) for token in tokens if user in (None, token.email)]}

    def email(self, user: str) -> str:
        account = self._microsoft.directory.named(user)
        if account is None:
            raise Unknown(user)
        return account.email


def _facts(token: RefreshToken) -> Told:
    return {
        "user": token.email,
        "sha256": token.sha256,
        "family": token.family,
        "generation": token.generation,
        "issued": token.issued.isoformat(),
        "expires": token.expires.isoformat(),
        "alive": token.alive,
        "uses": token.uses,
        "last_used": token.last_used.isoformat() if token.last_used else None,
    }
