"""ID tokens of the fake Entra, and the key that signs them.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from scripts.local import clock
from scripts.local.microsoft.directory import Account
from scripts.local.provider.wire import Json

_LIFETIME_SECONDS = 3600
# Entra dates its tokens back, so that a client whose clock is slow does not refuse them.
_BACKDATED_SECONDS = 300


@cache
def _key_of_this_process() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def issuer(origin: str, tenant: str) -> str:
    """The issuer of a tenant's tokens."""
    return f"{origin}/{tenant}/v2.0"


@dataclass(frozen=True, slots=True)
class IdTokens:
    """Signs ID tokens of version 2.0 by RS256."""

    client_id: str
    key: rsa.RSAPrivateKey = field(default_factory=_key_of_this_process)

    @property
    def key_id(self) -> str:
        """The name of the key, by what it is."""
        digest = hashlib.sha1(str(self.key.public_key().public_numbers().n).encode(), usedforsecurity=False).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def issue(self, origin: str, account: Account, scopes: tuple[str, ...], nonce: str | None) -> str:
        """An ID token for the application; `profile` and `email` add what they stand for."""
        issued = int(clock.timestamp()) - _BACKDATED_SECONDS
        claims: Json = {
            "ver": "2.0",
            "iss": issuer(origin, account.tenant),
            "aud": self.client_id,
            "sub": account.subject(self.client_id),
            "tid": account.tenant,
            "iat": issued,
            "nbf": issued,
            "exp": issued + _BACKDATED_SECONDS + _LIFETIME_SECONDS,
            "uti": secrets.token_urlsafe(16),
        }
        if "profile" in scopes:
            claims |= {
                "name": account.person.name,
                "oid": account.object_id,
                "preferred_username": account.email,
            }
        if "email" in scopes:
            claims["email"] = account.email
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(claims, self.key, "RS256", {"kid": self.key_id})

    def jwks(self, origin: str, tenant: str) -> Json:
        """The public key, as `/discovery/v2.0/keys` publishes it."""
        public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        public.pop("key_ops", None)
        return {"keys": [public | {"kid": self.key_id, "use": "sig", "issuer": issuer(origin, tenant)}]}
