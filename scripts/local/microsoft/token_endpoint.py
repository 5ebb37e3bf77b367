"""The token endpoint: a code or a refresh token against an access token and the next refresh token.

Sources: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#redeem-a-code-for-an-access-token
and #refresh-the-access-token; https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens (rotation).
"""

import secrets
from dataclasses import dataclass

from scripts.local import clock
from scripts.local.microsoft.authorization_request import read_scopes
from scripts.local.microsoft.directory import Account, Directory
from scripts.local.microsoft.errors import EntraError
from scripts.local.microsoft.grants import Code, Grants, RefreshToken
from scripts.local.microsoft.id_tokens import IdTokens
from scripts.local.microsoft.scopes import OFFLINE, SIGN_IN, answered
from scripts.local.provider.client_authentication import MalformedCredentials, presented_client, verifies
from scripts.local.provider.grants import Terms
from scripts.local.provider.wire import Answer, Call, Json, json_answer, single_values

TOKEN = "oauth2/v2.0/token"
_FORM = "application/x-www-form-urlencoded"
_HEADERS = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


@dataclass(slots=True)
class TokenEndpoint:
    """Redeems the grants of one application."""

    client_id: str
    client_secret: str
    directory: Directory
    grants: Grants
    id_tokens: IdTokens

    def answer(self, tenant: str, call: Call, origin: str) -> Answer:
        """One exchange."""
        try:
            form = _form_of(call)
            self._check_client(tenant, *presented_client(call, form))
            return json_answer(self._exchange(tenant, form, origin), headers=_HEADERS)
        except MalformedCredentials:
            return EntraError(9002313).answer(call)
        except EntraError as error:
            return error.answer(call)

    def _check_client(self, tenant: str, client_id: str | None, client_secret: str | None) -> None:
        if not self.directory.has(tenant):
            raise EntraError(90002, tenant=tenant)
        if not client_id:
            raise EntraError(900144, parameter="client_id")
        if client_id != self.client_id:
            raise EntraError(700016, client_id=client_id, tenant=tenant)
        if not client_secret:
            raise EntraError(7000218)
        if not secrets.compare_digest(client_secret.encode(), self.client_secret.encode()):
            raise EntraError(7000215, client_id=client_id)

    def _exchange(self, tenant: str, form: dict[str, str], origin: str) -> Json:
        grant_type = _required(form, "grant_type")
        if grant_type == "authorization_code":
            return self._redeem_code(tenant, form, origin)
        if grant_type == "refresh_token":
            return self._refresh(tenant, form, origin)
        raise EntraError(70003, grant_type=grant_type)

    def _redeem_code(self, tenant: str, form: dict[str, str], origin: str) -> Json:
        code = self._usable_code(_required(form, "code"))
        terms = code.terms
        if _required(form, "redirect_uri") != terms.redirect_uri:
            raise EntraError(500112, redirect_uri=form["redirect_uri"], expected=terms.redirect_uri)
        _check_verifier(form.get("code_verifier"), terms)
        account = self._admitted(terms.email, tenant)
        scopes = self._narrowed(terms.scopes, form, tenant)
        code.used = True
        refresh = self.grants.issue_refresh_token(terms.email, terms.scopes) if OFFLINE in terms.scopes else None
        return self._answered(account, scopes, form, refresh, origin, terms.nonce)

    def _usable_code(self, value: str) -> Code:
        code = self.grants.codes.get(value)
        if code is None:
            raise EntraError(9002313)
        if code.used:
            raise EntraError(54005)
        if code.expired or code.revoked:
            raise EntraError(70008)
        return code

    def _refresh(self, tenant: str, form: dict[str, str], origin: str) -> Json:
        token = self.grants.refresh_tokens.get(_required(form, "refresh_token"))
        if token is None:
            raise EntraError(9002313)
        if token.revoked is not None:
            raise EntraError(50173, issued=_instant(token.issued), valid_from=_instant(token.revoked))
        if token.expired:
            inactive = f"{(clock.now() - token.issued).days}.00:00:00"
            raise EntraError(700082, issued=_instant(token.issued), inactive=inactive)
        account = self._admitted(token.email, tenant)
        scopes = self._narrowed(token.scopes, form, tenant)
        return self._answered(account, scopes, form, self.grants.rotate(token), origin, None)

    def _admitted(self, email: str, tenant: str) -> Account:
        account = self.directory.named(email)
        if account is None or account not in self.directory.admitted(tenant):
            raise EntraError(50020, email=email, tenant=tenant)
        return account

    def _narrowed(self, granted: tuple[str, ...], form: dict[str, str], tenant: str) -> tuple[str, ...]:
        """What is asked of that which was granted: all of it, unless a `scope` says less."""
        if not form.get("scope"):
            return granted
        asked = read_scopes(form["scope"], tenant)
        if not set(asked) - set(SIGN_IN) <= set(granted):
            raise EntraError(65001, client_id=self.client_id)
        wanted = set(asked) if set(asked) - set(SIGN_IN) else set(granted)
        return tuple(scope for scope in granted if scope in wanted or scope in SIGN_IN)

    def _answered(
        self,
        account: Account,
        scopes: tuple[str, ...],
        form: dict[str, str],
        refresh: RefreshToken | None,
        origin: str,
        nonce: str | None,
    ) -> Json:
        token = self.grants.issue_access_token(account.email, scopes)
        answer: Json = {
            "token_type": "Bearer",
            "scope": answered(scopes, with_resource=account.is_personal),
            "expires_in": token.seconds,
            "ext_expires_in": token.seconds,
            "access_token": token.value,
        }
        if refresh:
            answer["refresh_token"] = refresh.value
        if "openid" in scopes:
            answer["id_token"] = self.id_tokens.issue(origin, account, scopes, nonce)
        if form.get("client_info") == "1":
            answer["client_info"] = account.client_info()
        return answer


def _form_of(call: Call) -> dict[str, str]:
    if call.headers.get("Content-Type", "").partition(";")[0].strip() != _FORM:
        raise EntraError(900144, parameter="grant_type")
    try:
        return single_values(call.form())
    except ValueError as duplicate:
        raise EntraError(90023, problem=f"Parameter '{duplicate}' is duplicated.") from None


def _required(form: dict[str, str], parameter: str) -> str:
    if not form.get(parameter):
        raise EntraError(900144, parameter=parameter)
    return form[parameter]


def _check_verifier(verifier: str | None, terms: Terms) -> None:
    if terms.challenge is not None and not verifies(verifier, terms.challenge, terms.challenge_method):
        raise EntraError(501481)


def _instant(moment: object) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0Z"
