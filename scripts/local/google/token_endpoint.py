"""The token endpoint: a code or a refresh token against an access token.

Sources: https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code and #offline;
RFC 6749 section 5.2 (errors), RFC 7636 section 4.6 (PKCE). A refresh never gives a new refresh token.
"""

import secrets
from dataclasses import dataclass

from scripts.local.google.accounts import Accounts
from scripts.local.google.grants import ACCESS_TOKEN_SECONDS, Code, Grants
from scripts.local.google.id_tokens import IdTokens
from scripts.local.provider.client_authentication import MalformedCredentials, presented_client, verifies
from scripts.local.provider.wire import Answer, Call, Json, json_answer, single_values

PATHS = ("/token", "/oauth2/v4/token")
REVOKED = "Token has been expired or revoked."


class OauthError(Exception):
    """A refusal in the form of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status

    def answer(self) -> Answer:
        """The refusal as JSON."""
        headers = {"WWW-Authenticate": 'Basic realm="oauth"'} if self.status == 401 else {}
        return json_answer({"error": self.error, "error_description": str(self)}, self.status, headers)


def form_of(call: Call) -> dict[str, str]:
    """The parameters of a POST, each given once."""
    if call.headers.get("Content-Type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise OauthError("invalid_request", "Bad Request")
    try:
        return single_values(call.form())
    except ValueError as duplicate:
        message = f"OAuth 2 parameters can only have a single value: {duplicate}"
        raise OauthError("invalid_request", message) from None


@dataclass(slots=True)
class TokenEndpoint:
    """Redeems the grants of one client."""

    client_id: str
    client_secret: str
    accounts: Accounts
    grants: Grants
    id_tokens: IdTokens

    def answer(self, call: Call) -> Answer:
        """One exchange."""
        try:
            form = form_of(call)
            self._check_client(*presented_client(call, form))
            if form.get("grant_type") == "authorization_code":
                return json_answer(self._redeem_code(form))
            if form.get("grant_type") == "refresh_token":
                return json_answer(self._refresh(form))
            raise OauthError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        except MalformedCredentials:
            return OauthError("invalid_request", "Malformed Authorization header.").answer()
        except OauthError as refusal:
            return refusal.answer()

    def _check_client(self, client_id: str | None, client_secret: str | None) -> None:
        if not client_id:
            raise OauthError("invalid_request", "Could not determine client ID from request.")
        if client_id != self.client_id:
            raise OauthError("invalid_client", "The OAuth client was not found.", 401)
        if not client_secret:
            raise OauthError("invalid_request", "client_secret is missing.")
        if not secrets.compare_digest(client_secret.encode(), self.client_secret.encode()):
            raise OauthError("invalid_client", "The provided client secret is invalid.", 401)

    def _redeem_code(self, form: dict[str, str]) -> Json:
        code = self._usable_code(form)
        terms = code.terms
        if form.get("redirect_uri") != terms.redirect_uri:
            raise OauthError("redirect_uri_mismatch", "Bad Request")
        if terms.challenge is not None:
            _check_verifier(form.get("code_verifier"), terms.challenge, terms.challenge_method)
        code.used = True
        answer = self._access(terms.email, terms.scopes, terms.offline, terms.nonce)
        if terms.with_refresh_token:
            answer["refresh_token"] = self.grants.issue_refresh_token(terms.email, terms.scopes).value
        return answer

    def _usable_code(self, form: dict[str, str]) -> Code:
        if not form.get("code"):
            raise OauthError("invalid_request", "Missing required parameter: code")
        code = self.grants.codes.get(form["code"])
        if code is None:
            raise OauthError("invalid_grant", "Malformed auth code.")
        if code.used or code.revoked or code.expired:
            raise OauthError("invalid_grant", "Bad Request")
        return code

    def _refresh(self, form: dict[str, str]) -> Json:
        if not form.get("refresh_token"):
            raise OauthError("invalid_request", "Missing required parameter: refresh_token")
        token = self.grants.refresh_tokens.get(form["refresh_token"])
        if token is None:
            raise OauthError("invalid_grant", "Bad Request")
        if not token.alive:
            raise OauthError("invalid_grant", REVOKED)
        self.grants.count_refresh(token)
        return self._access(token.email, token.scopes, True, None)

    def _access(self, email: str, scopes: tuple[str, ...], offline: bool, nonce: str | None) -> Json:
        token = self.grants.issue_access_token(email, scopes, offline)
        answer: Json = {
            "access_token": token.value,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }
        if "openid" in scopes:
            person = self.accounts.of(email).person
            answer["id_token"] = self.id_tokens.issue(person, scopes, token.value, nonce)
        return answer


def _check_verifier(verifier: str | None, challenge: str, method: str) -> None:
    if not verifier:
        raise OauthError("invalid_grant", "Missing code verifier.")
    if not verifies(verifier, challenge, method):
        raise OauthError("invalid_grant", "Invalid code verifier.")
