"""Clerk's session tokens: RS256, sixty seconds, version 2 of their claims.

https://clerk.com/docs/guides/sessions/session-tokens
"""

import secrets
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from pydantic import BaseModel, ConfigDict

from scripts.local import clock
from scripts.local.clerk.people import Session

LIFETIME = timedelta(seconds=60)
NOT_BEFORE = timedelta(seconds=10)


class TokenWish(BaseModel):
    """How a token is to differ from a right one, for tests. `lifetime` in seconds; a negative one has expired.

    `drop` leaves claims out; `claims` are added or replaced; `forged` signs with a key that nobody knows.
    """

    model_config = ConfigDict(extra="forbid")

    lifetime: float = LIFETIME.total_seconds()
    azp: str | None = None
    sts: str | None = None
    claims: dict[str, Any] = {}
    drop: list[str] = []
    forged: bool = False


class SessionTokens:
    """The key of the Clerk instance and what is signed with it."""

    def __init__(self, party: str) -> None:
        self.issuer = ""
        self._party = party
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = f"ins_{secrets.token_hex(14)[:27]}"

    @property
    def instance_id(self) -> str:
        return self._key_id

    def jwks(self) -> dict[str, Any]:
        """The public key (https://clerk.com/docs/reference/backend-api/tag/JWKS)."""
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {
            "keys": [
                {"kty": "RSA", "n": public["n"], "e": public["e"], "use": "sig", "alg": "RS256", "kid": self._key_id}
            ]
        }

    def mint(self, session: Session, wish: TokenWish | None = None) -> str:
        """A token for a session, valid from ten seconds ago by the clock; or one that is wrong as wished."""
        wish = wish or TokenWish()
        issued = int(clock.timestamp() + min(wish.lifetime, 0))
        claims: dict[str, Any] = {
            "v": 2,
            "iss": self.issuer,
            "sub": session.user_id,
            "sid": session.id,
            "azp": wish.azp or self._party,
            "sts": wish.sts or "active",
            "iat": issued,
            "nbf": issued - int(NOT_BEFORE.total_seconds()),
            "exp": issued + int(wish.lifetime if wish.lifetime > 0 else 0),
            "jti": secrets.token_hex(10),
            "fva": [0, -1],
        }
        claims = {name: value for name, value in (claims | wish.claims).items() if name not in wish.drop}
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if wish.forged else self._key
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self._key_id, "cat": "cl_B7d4PD111AAA"})
