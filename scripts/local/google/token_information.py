"""What tokens say: keys, discovery document, tokeninfo, userinfo, and their revocation.

Sources: https://developers.google.com/identity/openid-connect/openid-connect,
https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
"""

from dataclasses import dataclass

import jwt

from scripts.local import clock
from scripts.local.google.accounts import Accounts
from scripts.local.google.discovery import DOCUMENTS
from scripts.local.google.grants import AccessToken, Grants
from scripts.local.google.id_tokens import IdTokens, profile_claims, subject_of
from scripts.local.google.token_endpoint import OauthError, form_of
from scripts.local.provider.wire import Answer, Call, Json, json_answer

CERTIFICATES = "/oauth2/v3/certs"
CONFIGURATION = "/.well-known/openid-configuration"
REVOKE = "/revoke"
TOKEN_INFORMATION = ("/tokeninfo", "/oauth2/v3/tokeninfo")
USER_INFORMATION = ("/v1/userinfo", "/oauth2/v3/userinfo")


def bearer(call: Call) -> str | None:
    """The access token of a request: header, or the `access_token` parameter."""
    scheme, _, value = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    return next(iter(call.values("access_token")), None)


@dataclass(slots=True)
class TokenInformation:
    """Answers about tokens."""

    accounts: Accounts
    grants: Grants
    id_tokens: IdTokens

    def certificates(self) -> Answer:
        """The public keys."""
        return json_answer(self.id_tokens.jwks(), headers={"Cache-Control": "public, max-age=20000"})

    def configuration(self, origin: str) -> Answer:
        """The OpenID Connect discovery document, with the endpoints of this origin."""
        return json_answer(
            {
                "issuer": self.id_tokens.issuer,
                "authorization_endpoint": f"{origin}/o/oauth2/v2/auth",
                "token_endpoint": f"{origin}/token",
                "userinfo_endpoint": f"{origin}/v1/userinfo",
                "revocation_endpoint": f"{origin}/revoke",
                "jwks_uri": f"{origin}/oauth2/v3/certs",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "code_challenge_methods_supported": ["plain", "S256"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def revoke(self, call: Call) -> Answer:
        """End the whole grant that a token belongs to: refresh token, access tokens and consent."""
        try:
            token = dict(call.query).get("token") or form_of(call).get("token")
            if not token:
                raise OauthError("invalid_request", "Missing required parameter: token")
            email = self.grants.owner(token)
            if email is None:
                raise OauthError("invalid_token", "Token expired or revoked")
        except OauthError as refusal:
            return refusal.answer()
        self.grants.revoke(email)
        return json_answer({})

    def owner_of_revoked(self, call: Call) -> str | None:
        """Whose token is being revoked, for the record."""
        given = dict(call.query) | dict(call.form())
        return self.grants.owner(given.get("token", ""))

    def token_information(self, call: Call) -> Answer:
        """What an access or an ID token holds, all values as text."""
        given = dict(call.query) | dict(call.form())
        if "id_token" in given:
            return self._id_token_information(given["id_token"])
        token = self.grants.access_tokens.get(given.get("access_token", bearer(call) or ""))
        if token is None or not token.alive:
            return OauthError("invalid_token", "Invalid Value").answer()
        return json_answer(self._described(token))

    def _id_token_information(self, id_token: str) -> Answer:
        try:
            claims = self.id_tokens.read(id_token)
        except jwt.InvalidTokenError:
            return OauthError("invalid_token", "Invalid Value").answer()
        header = jwt.get_unverified_header(id_token)
        texts = {name: _text(value) for name, value in claims.items()}
        return json_answer(texts | {"alg": header["alg"], "kid": header["kid"], "typ": header["typ"]})

    def _described(self, token: AccessToken) -> Json:
        claims = profile_claims(self.accounts.of(token.email).person, token.scopes)
        described = {
            "azp": self.id_tokens.client_id,
            "aud": self.id_tokens.client_id,
            "sub": subject_of(token.email),
            "scope": " ".join(token.scopes),
            "exp": str(int(token.expires.timestamp())),
            "expires_in": str(int((token.expires - clock.now()).total_seconds())),
            "access_type": "offline" if token.offline else "online",
        }
        return described | {name: _text(claims[name]) for name in ("email", "email_verified") if name in claims}

    def user_information(self, call: Call) -> Answer:
        """The OpenID Connect userinfo answer."""
        token = self.grants.access_tokens.get(bearer(call) or "")
        if token is None or not token.alive:
            return OauthError("invalid_request", "Invalid Credentials", 401).answer()
        if "openid" not in token.scopes and not set(DOCUMENTS["oauth2.v2"].scopes) & set(token.scopes):
            return OauthError("insufficient_scope", "Request had insufficient authentication scopes.", 403).answer()
        return json_answer(profile_claims(self.accounts.of(token.email).person, token.scopes))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
