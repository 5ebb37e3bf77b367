"""Service tokens and sessions: whatever is made of them proves its person or nobody, and fails in no other way."""

import hashlib
import hmac
import json
import math
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.core import clock
from lib.core.errors import Problem, Unauthenticated
from lib.core.identity import Identity, Request, identify
from lib.core.signed_tokens import LEEWAY_SECONDS
from tests.core.proofs import (
    CLERK_KEY,
    GATEWAY_KEY,
    PERSON,
    admitted,
    known_keys,
    request_with,
    service_token,
    session_token,
)
from tests.fuzz.verifiers.altered import EXAMPLES, JSON, texts

__all__ = ["known_keys"]

STRANGER = ed25519.Ed25519PrivateKey.generate()
STRANGER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DEEP = b"[" * 3000
TIMES = ("iat", "exp", "nbf")


def text_of(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def signed(header: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A token of any header and payload (RFC 7515, section 3.1)."""
    signing = f"{text_of(header)}.{text_of(payload)}"
    return f"{signing}.{text_of(sign(signing.encode()))}"


def by_rsa(key: rsa.RSAPrivateKey) -> Callable[[bytes], bytes]:
    return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def by_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


PUBLIC = [
    (key.public_key().public_bytes(encoding, form))
    for key, encoding, form in (
        (GATEWAY_KEY, Encoding.Raw, PublicFormat.Raw),
        (GATEWAY_KEY, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (CLERK_KEY, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (CLERK_KEY, Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )
]
STRANGERS = [
    *(lambda _: b"", lambda _: b"\0" * 64, STRANGER.sign, by_rsa(STRANGER_RSA)),
    # A public key taken for a secret that both sides share.
    *(by_secret(secret) for secret in (b"", *PUBLIC)),
]
ALGORITHMS = st.sampled_from(["EdDSA", "RS256", "HS256", "HS512", "ES256", "PS256", "none", "None", ""]) | JSON
HEADERS = st.fixed_dictionaries(
    {"alg": ALGORITHMS, "kid": st.just("k1") | JSON, "typ": st.sampled_from(["briefly+jwt", "JWT"]) | JSON},
    optional={
        "crit": st.sampled_from([["b64"], [], ["exp"]]) | JSON,
        "b64": st.booleans() | JSON,
        "jwk": JSON,
        "jku": JSON,
        "x5c": JSON,
        "zip": JSON,
    },
)


def claims_of(session: bool) -> dict[str, Any]:
    now = int(clock.timestamp())
    common = {"sub": PERSON, "iat": now, "exp": now + 60}
    if session:
        return common | {"iss": "https://clerk.test", "sid": "sess_1", "azp": "https://app.test", "nbf": now}
    return common | {"iss": "briefly-gateway", "aud": "users"}


def altered_claims(session: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Right claims but for a few, some of them left out."""
    near = st.integers(-200, 200).map(lambda seconds: clock.timestamp() + seconds)
    of_name = {
        **dict.fromkeys(TIMES, near | near.map(int) | near.map(str) | JSON),
        "aud": st.sampled_from(["users", ["users", "chat"], [], "chat"]) | JSON,
        "sub": st.sampled_from([PERSON, "user_other", "a/b", "__x__", "é"]) | JSON,
        **dict.fromkeys(("iss", "sid", "azp", "jti"), JSON),
        "sts": st.sampled_from(["pending", "active"]) | JSON,
    }
    changes = st.fixed_dictionaries({}, optional=of_name)
    missing = st.sets(st.sampled_from(sorted(of_name)), max_size=1)
    return st.builds(
        lambda change, without: {k: v for k, v in (claims_of(session) | change).items() if k not in without},
        changes,
        missing,
    )


def asked(token: str, session: bool) -> Identity:
    return identify(request_with(session=token) if session else request_with(service=token))


def is_right(claims: dict[str, Any], session: bool) -> bool:
    """Whether the claims say what they have to, written down once more and as plainly as can be."""
    now = clock.timestamp()
    times = [claims.get(name, 0 if name == "nbf" and not session else None) for name in TIMES]
    if any(isinstance(each, bool) or not isinstance(each, int | float) or not math.isfinite(each) for each in times):
        return False
    issued, expires, not_before = times
    # What lies within a second of a limit may have been on its other side when it was looked at.
    in_time = expires > now - LEEWAY_SECONDS - 1 and max(issued, not_before) < now + LEEWAY_SECONDS + 1
    if claims.get("sub") != PERSON or not in_time:
        return False
    if session:
        named = claims.get("iss") == "https://clerk.test" and claims.get("azp") == "https://app.test"
        return named and isinstance(claims.get("sid"), str) and claims.get("sts") != "pending"
    audience = claims.get("aud")
    for_us = audience == "users" or (isinstance(audience, list) and "users" in audience)
    return for_us and claims.get("iss") == "briefly-gateway" and expires - issued <= 60


@pytest.mark.parametrize("session", [False, True], ids=["service token", "session"])
@settings(max_examples=EXAMPLES)
@given(st.data())
def test_no_text_is_taken_for_a_token_that_was_not_signed_as_it_is(session: bool, data: st.DataObject) -> None:
    right = session_token() if session else service_token()
    altered = data.draw(texts(right))
    try:
        asked(altered, session)
    except Unauthenticated:
        return
    # Surrounding white space is the header's; of base64's last character not all bits count.
    assert altered.strip().rpartition(".")[0] == right.rpartition(".")[0]
    assert altered.strip()[:-1] == right[:-1]


@pytest.mark.parametrize("session", [False, True], ids=["service token", "session"])
@pytest.mark.parametrize("foreign", ["!", "!!!!", "====", "\n"])
def test_nothing_can_be_put_into_a_signature(session: bool, foreign: str) -> None:
    right = session_token() if session else service_token()
    with pytest.raises(Unauthenticated):
        asked(right[:-9] + foreign + right[-9:], session)


@pytest.mark.parametrize("session", [False, True], ids=["service token", "session"])
@settings(max_examples=EXAMPLES)
@given(header=HEADERS, sign=st.sampled_from(STRANGERS), data=st.data())
def test_what_no_known_key_signed_is_refused(
    session: bool, header: dict[str, Any], sign: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    claims = data.draw(st.just(claims_of(session)) | altered_claims(session))
    token = signed(json.dumps(header).encode(), json.dumps(claims).encode(), sign)
    with pytest.raises(Unauthenticated):
        asked(token, session)


@pytest.mark.parametrize("session", [False, True], ids=["service token", "session"])
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_a_known_key_signed_is_believed_only_if_all_of_it_is_right(session: bool, data: st.DataObject) -> None:
    right = {"alg": "RS256", "kid": "k1"} if session else {"alg": "EdDSA", "kid": "k1", "typ": "briefly+jwt"}
    header = data.draw(st.just(right) | HEADERS)
    claims = data.draw(altered_claims(session))
    sign = by_rsa(CLERK_KEY) if session else GATEWAY_KEY.sign
    token = signed(json.dumps(header).encode(), json.dumps(claims).encode(), sign)
    try:
        identity = asked(token, session)
    except Unauthenticated:
        return
    assert (identity.person, header["alg"], header["kid"]) == (PERSON, right["alg"], "k1")
    assert session or header["typ"] == "briefly+jwt"
    assert is_right(claims, session), claims


@pytest.mark.parametrize("session", [False, True], ids=["service token", "session"])
@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    "time", [10**400, -(10**400), math.nan, math.inf, -math.inf, True, "1"], ids=lambda time: str(time)[:9]
)
def test_a_time_that_is_none_is_refused(session: bool, name: str, time: float) -> None:
    claims = json.dumps(claims_of(session) | {name: time}).encode()
    header = b'{"alg": "RS256", "kid": "k1"}' if session else b'{"alg": "EdDSA", "kid": "k1", "typ": "briefly+jwt"}'
    with pytest.raises(Unauthenticated):
        asked(signed(header, claims, by_rsa(CLERK_KEY) if session else GATEWAY_KEY.sign), session)


@pytest.mark.parametrize("part", [DEEP, b'{"kid": ' + DEEP, b"\xff", b"null", b'{"kid": "\\ud800"}', b"9" * 5000])
@pytest.mark.parametrize("session", [False, True], ids=["service token", "session"])
def test_parts_that_are_no_claims_are_refused(session: bool, part: bytes) -> None:
    header = b'{"alg": "RS256", "kid": "k1"}' if session else b'{"alg": "EdDSA", "kid": "k1", "typ": "briefly+jwt"}'
    sign = by_rsa(CLERK_KEY) if session else GATEWAY_KEY.sign
    for token in (signed(part, b"{}", sign), signed(header, part, sign)):
        with pytest.raises(Unauthenticated):
            asked(token, session)


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@example(DEEP)
@example(b'{"email": ' + DEEP)
@example(b'{"email": "a@b.c", "email_verified": "true"}')
def test_whatever_cloud_run_hands_over_only_problems_come_out(payload: bytes) -> None:
    with pytest.raises(Problem) as raised:
        identify(Request({"Authorization": f"Bearer head.{text_of(payload)}.removed"}, "GET", "/", b""))
    assert raised.value.status in (401, 403)


@settings(max_examples=EXAMPLES)
@given(st.text() | texts(PERSON) | st.sampled_from(["__ada__", "____", "a/b", "", ".", "user_ada\n"]))
def test_a_named_person_is_one_or_a_problem(named: str) -> None:
    headers = {"Authorization": admitted("stream@test.iam.gserviceaccount.com"), "X-Briefly-Person": named}
    try:
        person = identify(Request(headers, "POST", "/", b"")).person
    except Unauthenticated:
        return
    assert person == named
    assert named.replace("_", "a").isalnum()
    assert named.isascii()
    assert not (named.startswith("__") and named.endswith("__"))


def test_of_a_name_that_comes_twice_the_signed_reading_holds() -> None:
    now = int(clock.timestamp())
    claims = json.dumps(claims_of(False))[:-1] + f', "exp": {now - 60}}}'
    with pytest.raises(Unauthenticated):
        asked(signed(b'{"alg": "EdDSA", "kid": "k1", "typ": "briefly+jwt"}', claims.encode(), GATEWAY_KEY.sign), False)
