"""The whole fake Google: its state, and the way of every call through it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from scripts.local import clock
from scripts.local.google import authorization, batch, token_endpoint, token_information
from scripts.local.google.accounts import Accounts
from scripts.local.google.api import Api
from scripts.local.google.authorization import AuthorizationEndpoint
from scripts.local.google.grants import Grants
from scripts.local.google.id_tokens import IdTokens
from scripts.local.google.quota import Limits, Quota
from scripts.local.google.refusals import refuse
from scripts.local.google.settings import Behaviour, GoogleConfig
from scripts.local.google.token_endpoint import TokenEndpoint
from scripts.local.google.token_information import TokenInformation
from scripts.local.provider.consent import AutoApproval
from scripts.local.provider.faults import Observer
from scripts.local.provider.grants import grant_type
from scripts.local.provider.people_source import PeopleSource
from scripts.local.provider.wire import Answer, Call, json_answer


@dataclass(slots=True)
class Google:
    """State and endpoints; used on one event loop only."""

    config: GoogleConfig
    accounts: Accounts
    grants: Grants
    behaviour: Behaviour
    quota: Quota
    authorization: AuthorizationEndpoint
    tokens: TokenEndpoint
    information: TokenInformation
    api: Api
    observer: Observer = field(default_factory=lambda: Observer(refuse))
    loaded_at: datetime = field(default_factory=clock.now)

    @classmethod
    def of(cls, config: GoogleConfig) -> "Google":
        """A Google where the configured people have accounts and nobody has granted anything."""
        accounts, grants, behaviour = Accounts(), Grants(), Behaviour()
        id_tokens = IdTokens(config.issuer, config.client_id)
        quota = Quota(Limits.of(config))
        google = cls(
            config=config,
            accounts=accounts,
            grants=grants,
            behaviour=behaviour,
            quota=quota,
            authorization=AuthorizationEndpoint(
                config.client_id,
                config.redirect_uris,
                config.issuer,
                accounts,
                grants,
                AutoApproval(enabled=config.auto_approve),
            ),
            tokens=TokenEndpoint(config.client_id, config.client_secret, accounts, grants, id_tokens),
            information=TokenInformation(accounts, grants, id_tokens),
            api=Api(accounts, grants, quota, behaviour, config.client_id),
        )
        google.load(config.people)
        return google

    def load(self, source: PeopleSource) -> None:
        """Put the people's data back to what the source makes of now; grants stay."""
        self.loaded_at = clock.now()
        self.accounts.load(source(self.loaded_at))

    async def answer(self, call: Call, origin: str) -> Answer:
        """Answer one call of the outside."""
        if call.path in batch.PATHS and call.method == "POST":
            return await self._batch(call)
        found = self._sign_in_route(call, origin)
        if found is None:
            return await self._api(call)
        handle, user = found
        return await self.observer.run(call, handle, user, operation=_sign_in_operation(call))

    async def _api(self, call: Call, batched: bool = False) -> Answer:
        return await self.observer.run(
            call, lambda: self.api.answer(call), self.api.user_of(call), self.api.operation_of(call), batched
        )

    async def _batch(self, call: Call) -> Answer:
        """The batch as a whole is one call that faults may meet, and so is each of its parts."""
        envelope = await self.observer.run(call, lambda: json_answer({}), self.api.user_of(call), "batch")
        if envelope.status != 200 or envelope.ending == "unanswered":
            return envelope
        answer = await batch.answer_batch(call, lambda inner: self._api(inner, batched=True))
        if envelope.ending == "truncated" and answer.ending == "complete":
            return Answer(answer.status, answer.body, answer.content_type, answer.headers, "truncated")
        return answer

    def _sign_in_route(self, call: Call, origin: str) -> tuple[Callable[[], Answer], str | None] | None:
        """Who answers a call that is no API method, and whom it is about."""
        information, get, post = self.information, call.method == "GET", call.method == "POST"
        bearer = self.api.user_of(call)
        if call.path in authorization.PATHS and (get or post):
            return lambda: self.authorization.answer(call), None
        if call.path in token_endpoint.PATHS and post:
            return lambda: self.tokens.answer(call), self.grants.user_of(call)
        if call.path == token_information.REVOKE and post:
            return lambda: information.revoke(call), information.owner_of_revoked(call)
        if call.path == token_information.CERTIFICATES and get:
            return information.certificates, None
        if call.path == token_information.CONFIGURATION and get:
            return lambda: information.configuration(origin), None
        if call.path in token_information.TOKEN_INFORMATION and (get or post):
            return lambda: information.token_information(call), bearer
        if call.path in token_information.USER_INFORMATION and (get or post):
            return lambda: information.user_information(call), bearer
        return None


def _sign_in_operation(call: Call) -> str:
    """What the record calls it; what a token is asked for tells a refresh from an exchange."""
    return f"oauth {call.path} {grant_type(call) if call.path in token_endpoint.PATHS else ''}".strip()
