"""The authorization endpoint: judges the request, asks the person, sends them back with a code.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
"""

import secrets
import uuid
from dataclasses import dataclass, field

from scripts.local import clock
from scripts.local.microsoft.authorization_request import AuthorizationRequest, RequestRules
from scripts.local.microsoft.consent_page import consent_page, error_page
from scripts.local.microsoft.directory import Account, Directory
from scripts.local.microsoft.errors import EntraError
from scripts.local.microsoft.grants import Grants
from scripts.local.microsoft.scopes import SIGN_IN
from scripts.local.provider.consent import AutoApproval
from scripts.local.provider.grants import Terms
from scripts.local.provider.wire import Answer, Call

AUTHORIZE = "oauth2/v2.0/authorize"


@dataclass(slots=True)
class AuthorizationEndpoint:
    """Holds the consents that are under way."""

    rules: RequestRules
    directory: Directory
    grants: Grants
    auto: AutoApproval = field(default_factory=AutoApproval)
    _open: dict[str, AuthorizationRequest] = field(default_factory=dict)

    def answer(self, tenant: str, call: Call) -> Answer:
        """GET asks, POST decides; what cannot be trusted is told to the person only."""
        try:
            return self._ask(tenant, call) if call.method == "GET" else self._decide(call)
        except EntraError as error:
            return error_page(call, error)

    def _ask(self, tenant: str, call: Call) -> Answer:
        if not self.directory.has(tenant):
            raise EntraError(90002, tenant=tenant)
        back = self.rules.back(tenant, call)
        try:
            request = self.rules.checked(tenant, back, call)
            account = self._hinted(request)
            if account and self._silently(request, account):
                return self._allow(call, request, account, request.scopes)
            if request.prompt == "none":
                raise EntraError(65001 if account else 50058, client_id=self.rules.client_id)
        except EntraError as error:
            # A consent that lacks is told in another word here than at the token endpoint.
            interaction = {"error": "interaction_required"} if error.number == 65001 else {}
            return back.refuse(call, error, **interaction)
        if account and self.auto.enabled:
            return self._decide_by_itself(call, request, account)
        transaction = secrets.token_urlsafe(24)
        self._open[transaction] = request
        emails = [account.email] if account else [each.email for each in self.directory.admitted(tenant)]
        return consent_page(f"/{tenant}/{AUTHORIZE}", transaction, self.rules.client_id, emails, request.scopes)

    def _hinted(self, request: AuthorizationRequest) -> Account | None:
        account = self.directory.named(request.login_hint)
        return account if account in self.directory.admitted(request.tenant) else None

    def _silently(self, request: AuthorizationRequest, account: Account) -> bool:
        """Whether nothing new is asked, so that Microsoft returns at once."""
        consented = set(request.scopes) <= self.grants.consents.get(account.email, set())
        return request.prompt in (None, "none") and consented

    def _decide_by_itself(self, call: Call, request: AuthorizationRequest, account: Account) -> Answer:
        if not self.auto.allow:
            return self._decline(call, request)
        chosen = request.scopes if self.auto.scopes is None else self.auto.scopes
        return self._allow(call, request, account, chosen)

    def _decide(self, call: Call) -> Answer:
        form = call.form()
        first = dict(reversed(form))
        request = self._open.pop(first.get("transaction", ""), None)
        if request is None or request.expires <= clock.now():
            raise EntraError(90023, problem="This page has expired; start again.")
        account = self.directory.named(first.get("email"))
        if account is None or account not in self.directory.admitted(request.tenant):
            raise EntraError(50020, email=first.get("email", ""), tenant=request.tenant)
        if first.get("decision") != "allow":
            return self._decline(call, request)
        return self._allow(call, request, account, tuple(value for name, value in form if name == "scope"))

    def _decline(self, call: Call, request: AuthorizationRequest) -> Answer:
        return request.back.refuse(call, EntraError(65004), error_subcode="cancel")

    def _allow(self, call: Call, request: AuthorizationRequest, account: Account, chosen: tuple[str, ...]) -> Answer:
        granted = tuple(scope for scope in request.scopes if scope in chosen or scope in SIGN_IN)
        if not granted:
            return self._decline(call, request)
        terms = Terms(
            email=account.email,
            scopes=granted,
            redirect_uri=request.back.redirect_uri,
            challenge=request.challenge,
            challenge_method=request.challenge_method,
            nonce=request.nonce,
        )
        told = {"code": self.grants.issue_code(terms)}
        if request.client_info:
            told["client_info"] = account.client_info()
        return request.back.send(told | {"session_state": str(uuid.uuid4())})
