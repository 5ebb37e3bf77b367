"""What the gateway signs: the service token that carries a person, with the proof that sensitive requests need.

EdDSA over Ed25519 (RFC 8037), 60 seconds; the claims of the proof are those that `lib.core.identity` expects.
"""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from lib.core.identity import (
    GATEWAY,
    SERVICE_TOKEN_ISSUER,
    SERVICE_TOKEN_LIFETIME,
    SERVICE_TOKEN_TYPE,
    SESSION_HEADER,
    body_hash,
)
from scripts.local import clock
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import service_account


@dataclass(frozen=True)
class Outgoing:
    """A request that the gateway is to sign. `target` is the path with its query as it goes over the wire."""

    function: str
    method: str
    target: str
    body: bytes = b""

    @property
    def target_as_seen(self) -> str:
        """The target as the function's framework gives it: the path decoded, the query not."""
        path, mark, query = self.target.partition("?")
        return unquote(path) + mark + query


class GatewayKey:
    """The gateway's signing key."""

    def __init__(self, key: Ed25519PrivateKey, key_id: str) -> None:
        self._key = key
        self._key_id = key_id

    @classmethod
    def generate(cls) -> "GatewayKey":
        """A fresh key."""
        return cls(Ed25519PrivateKey.generate(), f"gateway-{secrets.token_hex(4)}")

    @classmethod
    def from_jwk(cls, jwk: dict[str, Any]) -> "GatewayKey":
        """The key in a private JWK (RFC 8037). Raises ValueError."""
        key = OKPAlgorithm.from_jwk(jwk)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the gateway's key is not a private Ed25519 key")
        return cls(key, str(jwk["kid"]))

    def private_jwk(self) -> dict[str, Any]:
        """The key with its private half, for programs that stand in for the gateway."""
        return {**OKPAlgorithm.to_jwk(self._key, as_dict=True), "kid": self._key_id}

    def jwks(self) -> dict[str, Any]:
        """The public half, as functions get it."""
        public = OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id, "alg": "EdDSA", "use": "sig"}]}

    def service_token(self, person: str, request: Outgoing, *, sensitive: bool, **changes: Any) -> str:
        """A service token for one request. `changes` replace claims, so that wrong tokens can be made for tests."""
        issued = int(clock.timestamp())
        claims: dict[str, Any] = {
            "iss": SERVICE_TOKEN_ISSUER,
            "aud": request.function,
            "sub": person,
            "iat": issued,
            "exp": issued + int(SERVICE_TOKEN_LIFETIME.total_seconds()),
        }
        if sensitive:
            claims |= {
                "jti": secrets.token_urlsafe(24),
                "htm": request.method,
                "htu": request.target_as_seen,
                "bh": body_hash(request.body),
            }
        headers = {"kid": self._key_id, "typ": SERVICE_TOKEN_TYPE}
        return jwt.encode(claims | changes, self._key, algorithm="EdDSA", headers=headers)


@dataclass(frozen=True)
class GatewaySigner:
    """Makes the headers with which the gateway calls a function for a person."""

    key: GatewayKey
    identity: IdentityTokens
    origin: str

    def headers(self, person: str, session_token: str, request: Outgoing, *, sensitive: bool) -> dict[str, str]:
        """The gateway's own identity for Cloud Run, the service token, and the Clerk session beside it."""
        own = self.identity.mint(service_account(GATEWAY), f"{self.origin}/{request.function}")
        return gateway_headers(own, self.key.service_token(person, request, sensitive=sensitive), session_token)


def gateway_headers(own: str, service_token: str, session_token: str) -> dict[str, str]:
    """The three tokens of a request of the gateway: its own identity, its word for the person, the Clerk session."""
    return {
        "X-Serverless-Authorization": f"Bearer {own}",
        "Authorization": f"Bearer {service_token}",
        SESSION_HEADER: session_token,
    }
