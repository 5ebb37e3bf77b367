"""JSON web tokens: verified against pinned keys, algorithm and time; and the keys' own format."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import jwt
from pydantic import AfterValidator

from lib.core import clock
from lib.core.errors import Unauthenticated

LEEWAY_SECONDS = 5
MAXIMUM_CHARACTERS = 8192
LATEST_TIME = 2**53


def _with_named_keys(key_set: str) -> str:
    """Raises `ValueError` for what is no key set, or has no key that a token could name."""
    try:
        named = _keys(key_set)
    except (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError):
        raise ValueError("it is not a JSON web key set") from None
    if not named:
        raise ValueError("none of its keys has an id")
    return key_set


KeySet = Annotated[str, AfterValidator(_with_named_keys)]
"""A JSON web key set (RFC 7517) whose keys have ids."""


@dataclass(frozen=True)
class Expectation:
    """What a token must be: everything is pinned, nothing is taken from the token itself.

    `lifetime_seconds` is the longest from `iat` to `exp` that is believed.
    """

    keys: KeySet
    algorithm: Literal["EdDSA", "RS256"]
    issuer: str
    required: tuple[str, ...] = ("sub", "iat", "exp")
    audience: str | None = None
    token_type: str | None = None
    lifetime_seconds: int | None = None


def verify(token: str, expected: Expectation) -> dict[str, Any]:
    """The claims of a token that is as expected (RFC 7519, RFC 8725).

    Raises `Unauthenticated` for everything else, without saying more than which kind of thing was wrong.
    """
    if len(token) > MAXIMUM_CHARACTERS:
        raise Unauthenticated("The token is too long")
    try:
        header = jwt.get_unverified_header(token)
        key = _keys(expected.keys).get(header.get("kid", ""))
        if key is None:
            raise Unauthenticated("The token is signed with an unknown key")
        if expected.token_type is not None and header.get("typ") != expected.token_type:
            raise Unauthenticated("The token is of another type")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[expected.algorithm],
            issuer=expected.issuer,
            audience=expected.audience,
            options={
                "require": list(expected.required),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": expected.audience is not None,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Unauthenticated(f"The token is not valid: {type(error).__name__}") from None
    # The clock decides, not the library's own reading of the system's time.
    check_times(claims, clock.timestamp(), expected.lifetime_seconds)
    return claims


def check_times(claims: dict[str, Any], present: float, lifetime_seconds: int | None = None) -> None:
    """Let pass what is valid at present, in seconds since the epoch, by a clock that goes wrong by five at most.

    Raises `Unauthenticated`.
    """
    issued, expires, not_before = (_seconds(claims, name) for name in ("iat", "exp", "nbf"))
    if expires < present - LEEWAY_SECONDS:
        raise Unauthenticated("The token has expired")
    if not_before > present + LEEWAY_SECONDS or issued > present + LEEWAY_SECONDS:
        raise Unauthenticated("The token is not valid yet")
    if lifetime_seconds is not None and expires - issued > lifetime_seconds:
        raise Unauthenticated("The token lives too long")


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_time(value):
        raise Unauthenticated(f"The token's {name} is not a time")
    return float(value)


def _is_time(value: float) -> bool:
    """Python reads NaN, infinities and whole numbers of any length from JSON; with the first no comparison holds."""
    return math.isfinite(value) if isinstance(value, float) else abs(value) < LATEST_TIME


@cache
def _keys(key_set: str) -> dict[str, Any]:
    return {key.key_id: key.key for key in jwt.PyJWKSet.from_json(key_set).keys if key.key_id}
