"""Google-signed ID tokens of the local cloud: one RSA key, its public half as a JWKS."""

import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from scripts.local import clock

ISSUER = "https://accounts.google.com"
LIFETIME = timedelta(hours=1)


def subject_of(email: str) -> str:
    """The stable numeric id of a service account (21 digits), made from its address."""
    digest = int.from_bytes(hashlib.sha256(email.encode()).digest())
    return str(10**20 + digest % (9 * 10**20))


class IdentityTokens:
    """Mints ID tokens as Google does for a service account.

    Claims: https://cloud.google.com/docs/authentication/token-types#id and, for a token from the metadata server
    of Cloud Run, https://cloud.google.com/run/docs/securing/service-identity#identity_tokens
    """

    def __init__(self, key: rsa.RSAPrivateKey | None = None) -> None:
        self._key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        self.key_id = hashlib.sha256(self._public["n"].encode()).hexdigest()[:40]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key in a PEM file, made there first if absent: for two processes that must sign alike."""
        if path.exists():
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise ValueError(f"{path} holds no RSA key")
            return cls(key)
        made = cls()
        pem = made._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        return made

    def mint(self, email: str, audience: str, lifetime: timedelta = LIFETIME) -> str:
        """A signed token that says who the caller is, for one audience, valid from now by the clock."""
        issued = int(clock.timestamp())
        subject = subject_of(email)
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "azp": subject,
            "sub": subject,
            "email": email,
            "email_verified": True,
            "iat": issued,
            "exp": issued + int(lifetime.total_seconds()),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def jwks(self) -> dict[str, Any]:
        """The public key, shaped as https://www.googleapis.com/oauth2/v3/certs."""
        key = {name: self._public[name] for name in ("kty", "n", "e")}
        return {"keys": [{**key, "alg": "RS256", "use": "sig", "kid": self.key_id}]}
