"""Who may speak for a person, and that nothing else may: every proof is altered in every way."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm

from lib.core import clock, settings
from lib.core.errors import Forbidden, Problem, Unauthenticated
from lib.core.identity import GatewaySettings, Request, identify
from lib.core.signed_tokens import check_times
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


@contextmanager
def gateway_keys(*named: tuple[str, ed25519.Ed25519PrivateKey]) -> Iterator[None]:
    """These are the keys that the gateway's word is believed by, for as long as the block."""
    keys = [OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": name} for name, key in named]
    before = settings._loaded[GatewaySettings]
    settings._loaded[GatewaySettings] = before.model_copy(update={"gateway_keys": json.dumps({"keys": keys})})
    yield
    settings._loaded[GatewaySettings] = before


def test_while_the_gateways_key_is_rotated_both_are_good_and_then_the_old_one_is_not() -> None:
    old, new = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    by_old = request_with(service=service_token({"kid": "old"}, old))
    by_new = request_with(service=service_token({"kid": "new"}, new))
    by_new_as_old = request_with(service=service_token({"kid": "old"}, new))
    with gateway_keys(("old", old)):
        assert identify(by_old).person == PERSON
        assert_refused(by_new)
    with gateway_keys(("old", old), ("new", new)):
        assert identify(by_old).person == identify(by_new).person == PERSON
        assert_refused(by_new_as_old)
    with gateway_keys(("new", new)):
        assert identify(by_new).person == PERSON
        assert_refused(by_old)


def assert_refused(request: Request) -> None:
    with pytest.raises(Unauthenticated):
        identify(request)


PRESENT = 1_000_000.0
AHEAD = [{"iat": PRESENT + 5}, {"nbf": PRESENT + 5}, {"exp": PRESENT - 5}]
"""What a clock says that goes wrong by five seconds."""


@pytest.mark.parametrize("claims", AHEAD, ids=lambda claims: next(iter(claims)))
def test_five_seconds_of_skew_pass_and_six_do_not(claims: dict[str, float]) -> None:
    right = {"iat": PRESENT, "nbf": PRESENT, "exp": PRESENT + 60}
    check_times(right | claims, PRESENT)
    for further in (0.001, 1.0):
        ((name, value),) = claims.items()
        wrong = value - further if name == "exp" else value + further
        with pytest.raises(Unauthenticated):
            check_times(right | {name: wrong}, PRESENT)


def test_a_service_token_lives_for_a_minute_at_most() -> None:
    check_times({"iat": PRESENT, "exp": PRESENT + 60}, PRESENT, 60)
    with pytest.raises(Unauthenticated):
        check_times({"iat": PRESENT, "exp": PRESENT + 61}, PRESENT, 60)


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
