"""What the fake Entra publishes of itself: the OpenID configuration of each tenant, and its keys.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc#fetch-the-openid-configuration-document
"""

from dataclasses import dataclass

from scripts.local.microsoft.directory import Directory, issuing_tenant
from scripts.local.microsoft.errors import EntraError
from scripts.local.microsoft.id_tokens import IdTokens, issuer
from scripts.local.provider.wire import Answer, json_answer

CONFIGURATION = "v2.0/.well-known/openid-configuration"
KEYS = "discovery/v2.0/keys"
_KEPT = {"Cache-Control": "max-age=86400, private"}


@dataclass(frozen=True, slots=True)
class OpenIdConfiguration:
    """Answers about the endpoints; `origin` is how the client reached them. Raises `EntraError`."""

    directory: Directory
    id_tokens: IdTokens

    def answer(self, tenant: str, origin: str) -> Answer:
        """The configuration; `common` and `organizations` leave a place for the tenant in their issuer."""
        self._check(tenant)
        base = f"{origin}/{tenant}"
        return json_answer(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "jwks_uri": f"{base}/{KEYS}",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": issuer(origin, issuing_tenant(tenant)),
                "request_uri_parameter_supported": False,
                "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "http_logout_supported": True,
                "frontchannel_logout_supported": True,
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "claims_supported": [
                    *("sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver", "email"),
                ],
                "tenant_region_scope": None,
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
            },
            headers=_KEPT,
        )

    def keys(self, tenant: str, origin: str) -> Answer:
        """The keys that sign ID tokens."""
        self._check(tenant)
        return json_answer(self.id_tokens.jwks(origin, issuing_tenant(tenant)), headers=_KEPT)

    def _check(self, tenant: str) -> None:
        if not self.directory.has(tenant):
            raise EntraError(90002, tenant=tenant)
