"""Who may speak for a person, and that nothing else may: every proof is altered in every way."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from lib.core import clock
from lib.core.errors import Forbidden, Problem, Unauthenticated
from lib.core.identity import Request, identify
from tests.core.proofs import GATEWAY, PERSON, admitted, known_keys, request_with, service_token, session_token

__all__ = ["known_keys"]


def test_the_gateway_speaks_for_the_person_of_both_tokens() -> None:
    identity = identify(request_with())
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
        identify(request_with(service=service_token(**token)))


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
        identify(request_with(session=session_token(**session)))


def test_a_token_without_a_signature_is_refused() -> None:
    unsigned = jwt.encode(
        {"iss": "briefly-gateway", "aud": "users", "sub": PERSON, "iat": 0, "exp": 9e9}, None, "none", {"kid": "k1"}
    )
    with pytest.raises(Unauthenticated):
        identify(request_with(service=unsigned))


def test_a_caller_that_may_name_a_person_needs_no_session() -> None:
    headers = {"Authorization": admitted("stream@test.iam.gserviceaccount.com"), "X-Briefly-Person": PERSON}
    identity = identify(Request(headers, "POST", "/", b""))
    assert (identity.person, identity.session) == (PERSON, None)


@pytest.mark.parametrize("email", [GATEWAY, "mail@test.iam.gserviceaccount.com"])
def test_no_other_caller_may_name_a_person(email: str) -> None:
    headers = {"Authorization": admitted(email), "X-Briefly-Person": PERSON}
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
