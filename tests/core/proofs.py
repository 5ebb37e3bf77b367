"""Proofs of identity made with keys of the tests, right ones and such as a test alters."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from lib.core import clock, secrets, settings
from lib.core.environment import Environment
from lib.core.identity import CallerSettings, GatewaySettings, Request
from lib.core.secrets import SecretSettings
from tests.mounting import mount

PERSON = "user_ada"
GATEWAY_KEY = ed25519.Ed25519PrivateKey.generate()
CLERK_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GATEWAY = "gateway@test.iam.gserviceaccount.com"


def jwks(algorithm: Any, key: Any) -> str:
    return json.dumps({"keys": [json.loads(algorithm.to_jwk(key.public_key())) | {"kid": "k1"}]})


@pytest.fixture(scope="module", autouse=True)
def known_keys() -> Iterator[None]:
    before = dict(settings._loaded)
    settings._loaded |= {
        Environment: Environment(google_cloud_project="test", k_service="users", function_url="https://{name}.test"),
        CallerSettings: CallerSettings(callers=["stream@test.iam.gserviceaccount.com"]),
        GatewaySettings: GatewaySettings(
            gateway_keys=jwks(OKPAlgorithm, GATEWAY_KEY),
            clerk_keys=jwks(RSAAlgorithm, CLERK_KEY),
            clerk_issuer="https://clerk.test",
            clerk_parties=["https://app.test"],
        ),
    }
    yield
    settings._loaded.clear()
    settings._loaded.update(before)


def admitted(email: str) -> str:
    payload = urlsafe_b64encode(json.dumps({"email": email, "email_verified": True}).encode()).decode().rstrip("=")
    return f"Bearer head.{payload}.SIGNATURE_REMOVED_BY_GOOGLE"


def service_token(headers: dict[str, Any] | None = None, key: Any = GATEWAY_KEY, **changes: Any) -> str:
    now = int(clock.timestamp())
    claims = {"iss": "briefly-gateway", "aud": "users", "sub": PERSON, "iat": now, "exp": now + 60} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, "EdDSA", {"kid": "k1", "typ": "briefly+jwt"} | (headers or {}))


def session_token(key: Any = CLERK_KEY, **changes: Any) -> str:
    now = int(clock.timestamp())
    claims = {
        "iss": "https://clerk.test",
        "sub": PERSON,
        "sid": "sess_1",
        "azp": "https://app.test",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
    } | changes
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, "RS256", {"kid": "k1"})


def request_with(service: str | None = None, session: str | None = None, **headers: str) -> Request:
    given_headers = {
        "X-Serverless-Authorization": admitted(GATEWAY),
        "Authorization": f"Bearer {service_token() if service is None else service}",
        "X-Clerk-Session": session_token() if session is None else session,
    }
    return Request({**given_headers, **headers}, "GET", "/me", b"")


@contextmanager
def mounted(folder: Path, name: str, value: str) -> Iterator[None]:
    """A secret that is mounted for as long as the block."""
    mount(folder, name, value)
    before = settings._loaded.get(SecretSettings)
    settings._loaded[SecretSettings] = SecretSettings(secrets_dir=str(folder))
    secrets._cache.clear()
    yield
    secrets._cache.clear()
    settings._loaded.pop(SecretSettings)
    if before is not None:
        settings._loaded[SecretSettings] = before
