"""Who may speak for a person, and that nothing else may: every proof is altered in every way."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from lib.core import clock, settings
from lib.core.environment import Environment
from lib.core.errors import Forbidden, Problem, Unauthenticated
from lib.core.identity import CallerSettings, GatewaySettings, Request, identify

PERSON = "user_ada"
GATEWAY_KEY = ed25519.Ed25519PrivateKey.generate()
CLERK_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GATEWAY = "gateway@test.iam.gserviceaccount.com"


def _jwks(algorithm: Any, key: Any) -> str:
    return json.dumps({"keys": [json.loads(algorithm.to_jwk(key.public_key())) | {"kid": "k1"}]})


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    before = dict(settings._loaded)
    settings._loaded |= {
        Environment: Environment(google_cloud_project="test", k_service="users", function_url="https://{name}.test"),
        CallerSettings: CallerSettings(callers=["stream@test.iam.gserviceaccount.com"]),
        GatewaySettings: GatewaySettings(
            gateway_keys=_jwks(OKPAlgorithm, GATEWAY_KEY),
            clerk_keys=_jwks(RSAAlgorithm, CLERK_KEY),
            clerk_issuer="https://clerk.test",
            clerk_parties=["https://app.test"],
        ),
    }
    yield
    settings._loaded.clear()
    settings._loaded.update(before)


def _admitted(email: str) -> str:
    payload = urlsafe_b64encode(json.dumps({"email": email, "email_verified": True}).encode()).decode().rstrip("=")
    return f"Bearer head.{payload}.SIGNATURE_REMOVED_BY_GOOGLE"


def _service_token(headers: dict[str, Any] | None = None, key: Any = GATEWAY_KEY, **changes: Any) -> str:
    now = int(clock.timestamp())
    claims = {"iss": "briefly-gateway", "aud": "users", "sub": PERSON, "iat": now, "exp": now + 60} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, "EdDSA", {"kid": "k1", "typ": "briefly+jwt"} | (headers or {}))


def _session(key: Any = CLERK_KEY, **changes: Any) -> str:
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


def _request(service: str | None = None, session: str | None = None, **headers: str) -> Request:
    given_headers = {
        "X-Serverless-Authorization": _admitted(GATEWAY),
        "Authorization": f"Bearer {_service_token() if service is None else service}",
        "X-Clerk-Session": _session() if session is None else session,
    }
    return Request({**given_headers, **headers}, "GET", "/me", b"")


def test_the_gateway_speaks_for_the_person_of_both_tokens() -> None:
    identity = identify(_request())
    assert (identity.person, identity.session, identity.caller) == (PERSON, "sess_1", GATEWAY)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param({"aud": "accounts"}, id="for another function"),
        pytest.param({"iss": "somebody"}, id="of another issuer"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": int(clock.timestamp()) + 3600}, id="living too long"),
        pytest.param({"iat": int(clock.timestamp()) + 3600, "exp": int(clock.timestamp()) + 3650}, id="not yet valid"),
        pytest.param({"sub": "user_other"}, id="of another person than the session"),
        pytest.param({"sub": None}, id="of nobody"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"headers": {"typ": "JWT"}}, id="of another type"),
        pytest.param({"headers": {"kid": "k2"}}, id="with an unknown key"),
        pytest.param({"key": ed25519.Ed25519PrivateKey.generate()}, id="forged"),
    ],
)
def test_a_service_token_is_refused(token: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        identify(_request(service=_service_token(**token)))


@pytest.mark.parametrize(
    "session",
    [
        pytest.param({"azp": "https://evil.test"}, id="of another application"),
        pytest.param({"azp": None}, id="of no application"),
        pytest.param({"sid": None}, id="without a session"),
        pytest.param({"sts": "pending"}, id="with tasks to finish"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"iss": "https://other.test"}, id="of another instance"),
        pytest.param({"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, id="forged"),
    ],
)
def test_a_session_is_refused(session: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        identify(_request(session=_session(**session)))


def test_a_token_without_a_signature_is_refused() -> None:
    unsigned = jwt.encode(
        {"iss": "briefly-gateway", "aud": "users", "sub": PERSON, "iat": 0, "exp": 9e9}, None, "none", {"kid": "k1"}
    )
    with pytest.raises(Unauthenticated):
        identify(_request(service=unsigned))


def test_a_caller_that_may_name_a_person_needs_no_session() -> None:
    headers = {"Authorization": _admitted("stream@test.iam.gserviceaccount.com"), "X-Briefly-Person": PERSON}
    identity = identify(Request(headers, "POST", "/", b""))
    assert (identity.person, identity.session) == (PERSON, None)


@pytest.mark.parametrize("email", [GATEWAY, "mail@test.iam.gserviceaccount.com"])
def test_no_other_caller_may_name_a_person(email: str) -> None:
    headers = {"Authorization": _admitted(email), "X-Briefly-Person": PERSON}
    with pytest.raises(Forbidden):
        identify(Request(headers, "POST", "/", b""))


@given(st.text(), st.text(), st.text(), st.one_of(st.none(), st.text()))
def test_whatever_is_sent_only_problems_come_out(first: str, second: str, third: str, named: str | None) -> None:
    headers = {"X-Serverless-Authorization": first, "Authorization": second, "X-Clerk-Session": third}
    if named is not None:
        headers["X-Briefly-Person"] = named
    with pytest.raises(Problem) as raised:
        identify(Request(headers, "GET", "/me", b""))
    assert raised.value.status in (401, 403)
