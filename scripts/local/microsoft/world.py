"""The whole fake Microsoft: its state, and the way of every call through it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from scripts.local import clock
from scripts.local.microsoft import authorization, openid_configuration, token_endpoint
from scripts.local.microsoft.authorization import AuthorizationEndpoint
from scripts.local.microsoft.authorization_request import RequestRules
from scripts.local.microsoft.directory import Directory
from scripts.local.microsoft.errors import EntraError
from scripts.local.microsoft.grants import Grants
from scripts.local.microsoft.graph.accounts import GraphAccounts
from scripts.local.microsoft.graph.api import ROOT as GRAPH
from scripts.local.microsoft.graph.api import Graph, fault_answer
from scripts.local.microsoft.graph.caller import Caller
from scripts.local.microsoft.id_tokens import IdTokens
from scripts.local.microsoft.openid_configuration import OpenIdConfiguration
from scripts.local.microsoft.refusals import refuse
from scripts.local.microsoft.settings import MicrosoftConfig
from scripts.local.microsoft.token_endpoint import TokenEndpoint
from scripts.local.provider.consent import AutoApproval
from scripts.local.provider.faults import Fault, Observer
from scripts.local.provider.grants import grant_type
from scripts.local.provider.people_source import PeopleSource
from scripts.local.provider.wire import Answer, Call

_OF_TENANT = re.compile(r"/([A-Za-z0-9.-]+)/(.+)")
Route = tuple[Callable[[], Answer], str | None]


@dataclass(slots=True)
class Microsoft:
    """State and endpoints; used on one event loop only."""

    config: MicrosoftConfig
    directory: Directory
    grants: Grants
    authorization: AuthorizationEndpoint
    tokens: TokenEndpoint
    configuration: OpenIdConfiguration
    observer: Observer
    graph: Graph
    loaded_at: datetime = field(default_factory=clock.now)

    @classmethod
    def of(cls, config: MicrosoftConfig) -> "Microsoft":
        """A Microsoft where the configured people have accounts and nobody has granted anything."""
        directory, grants, id_tokens = Directory(), Grants(), IdTokens(config.client_id)
        observer = Observer(_fault_answer)
        microsoft = cls(
            config=config,
            directory=directory,
            grants=grants,
            authorization=AuthorizationEndpoint(
                RequestRules(config.client_id, config.redirect_uris),
                directory,
                grants,
                AutoApproval(enabled=config.auto_approve),
            ),
            tokens=TokenEndpoint(config.client_id, config.client_secret, directory, grants, id_tokens),
            configuration=OpenIdConfiguration(directory, id_tokens),
            observer=observer,
            graph=Graph(GraphAccounts(), observer),
        )
        microsoft.load(config.people)
        return microsoft

    def load(self, source: PeopleSource) -> None:
        """Put the people's data back to what the source makes of now; grants stay."""
        self.loaded_at = clock.now()
        people = source(self.loaded_at)
        self.directory.load(people)
        self.graph.accounts.load(people)

    async def answer(self, call: Call, origin: str) -> Answer:
        """Answer one call of the outside."""
        if call.path.startswith(GRAPH):
            return await self.graph.answer(call, self._caller(call), origin)
        route = self._login_route(call, origin)
        if route is None:
            return await self.observer.run(call, lambda: Answer(404, b"", "text/html; charset=utf-8"), None)
        handle, user = route
        return await self.observer.run(call, handle, user, operation=_login_operation(call))

    def _caller(self, call: Call) -> Caller | None:
        """Whom the call's token is for; None unless it is alive."""
        kind, _, value = call.headers.get("Authorization", "").partition(" ")
        token = self.grants.access_tokens.get(value.strip())
        if kind.lower() != "bearer" or token is None or not token.alive:
            return None
        return Caller(token.email, frozenset(token.scopes), self.config.client_id)

    def _login_route(self, call: Call, origin: str) -> Route | None:
        """Who answers a call about signing in, and whom it is about."""
        match = _OF_TENANT.fullmatch(call.path)
        if match is None:
            return None
        tenant, path = match[1].lower(), match[2]
        get, post = call.method == "GET", call.method == "POST"
        if path == authorization.AUTHORIZE and (get or post):
            return lambda: self.authorization.answer(tenant, call), None
        if path == token_endpoint.TOKEN and post:
            return lambda: self.tokens.answer(tenant, call, origin), self.grants.user_of(call)
        if path == openid_configuration.CONFIGURATION and get:
            return lambda: _refusing(call, lambda: self.configuration.answer(tenant, origin)), None
        if path == openid_configuration.KEYS and get:
            return lambda: _refusing(call, lambda: self.configuration.keys(tenant, origin)), None
        return None


def _login_operation(call: Call) -> str:
    """What the record calls it; what a token is asked for tells a refresh from an exchange."""
    path = call.path.lstrip("/").partition("/")[2]
    return f"login {path} {grant_type(call) if path == token_endpoint.TOKEN else ''}".strip()


def _fault_answer(fault: Fault, call: Call) -> Answer:
    """The error that a fault asks for, as the one who is asked words it."""
    return fault_answer(fault, call) if call.path.startswith(GRAPH) else refuse(fault, call)


def _refusing(call: Call, handle: Callable[[], Answer]) -> Answer:
    try:
        return handle()
    except EntraError as error:
        return error.answer(call)
