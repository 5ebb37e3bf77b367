"""ID tokens of the fake Google, and the key that signs them.

Source: https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
"""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from scripts.local import clock
from scripts.local.people.models import Person
from scripts.local.provider.wire import Json

_LIFETIME_SECONDS = 3600


def subject_of(email: str) -> str:
    """The account's immutable id: 21 digits."""
    return "1" + str(int.from_bytes(hashlib.sha256(email.encode()).digest()[:9], "big")).zfill(22)[:20]


def profile_claims(person: Person, scopes: tuple[str, ...]) -> Json:
    """The claims about the person that the scopes allow."""
    claims: Json = {"sub": subject_of(person.email)}
    if "https://www.googleapis.com/auth/userinfo.email" in scopes:
        claims |= {"email": person.email, "email_verified": True}
    if "https://www.googleapis.com/auth/userinfo.profile" in scopes:
        claims |= {
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "picture": f"https://lh3.googleusercontent.com/a/{subject_of(person.email)}=s96-c",
        }
    return claims


@cache
def _key_of_this_process() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True, slots=True)
class IdTokens:
    """Signs ID tokens by RS256."""

    issuer: str
    client_id: str
    key: rsa.RSAPrivateKey = field(default_factory=_key_of_this_process)

    @property
    def key_id(self) -> str:
        """The name of the key, by what it is."""
        return hashlib.sha256(str(self.key.public_key().public_numbers().n).encode()).hexdigest()[:40]

    def issue(self, person: Person, scopes: tuple[str, ...], access_token: str, nonce: str | None) -> str:
        """An ID token that belongs to an access token (`at_hash`) and to a request (`nonce`)."""
        now = int(clock.timestamp())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = profile_claims(person, scopes) | {
            "iss": self.issuer,
            "azp": self.client_id,
            "aud": self.client_id,
            "at_hash": urlsafe_b64encode(half).decode().rstrip("="),
            "iat": now,
            "exp": now + _LIFETIME_SECONDS,
        }
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(claims, self.key, "RS256", {"kid": self.key_id})

    def read(self, token: str) -> Json:
        """The claims of a token of ours; jwt.InvalidTokenError if it is not, or has expired."""
        claims: Json = jwt.decode(
            token,
            self.key.public_key(),
            ["RS256"],
            audience=self.client_id,
            issuer=self.issuer,
            options={"verify_exp": False, "verify_iat": False},
        )
        if claims["exp"] <= clock.timestamp():
            raise jwt.ExpiredSignatureError("Token expired")
        return claims

    def jwks(self) -> Json:
        """The public key, as `/oauth2/v3/certs` publishes it."""
        public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        public.pop("key_ops", None)
        return {"keys": [public | {"kid": self.key_id, "use": "sig", "alg": "RS256"}]}
