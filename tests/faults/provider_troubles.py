"""How providers fail while an account is connected, refreshed and read: in the same ways, each in its own words."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.trouble import Kind

Fault = Mapping[str, Any]
"""What the provider's control API is told, but for whom it meets."""

USING = ("look", "expire", "ask")
REFRESHING = ("expire", "ask")


@dataclass(frozen=True)
class Words:
    """Where a provider is asked, by the beginnings of paths, and how it words its errors."""

    provider: str
    token: str
    apis: Mapping[str, str]
    passing: Mapping[str, Fault]
    """What the token endpoint answers when it may succeed later."""
    code_refused: Mapping[str, Fault]
    grant_ended: Mapping[str, Fault]
    api_refusals: tuple[Fault, ...]


GOOGLE = Words(
    "google",
    token="/token",
    apis={"gmail": "/gmail", "calendar": "/calendar", "batch": "/batch"},
    passing={
        "google is ill": {"status": 500},
        "google is unavailable": {"status": 503},
        "google is too busy": {"status": 429, "retry_after": 1},
    },
    code_refused={"google refuses the code": {"reason": "invalid_grant"}},
    grant_ended={"google ends the grant": {"reason": "invalid_grant"}},
    api_refusals=(
        {"status": 401, "reason": "authError"},
        {"status": 403, "reason": "rateLimitExceeded"},
        {"status": 429, "reason": "rateLimitExceeded"},
        {"status": 503},
    ),
)
# The numbers are those of https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes.
MICROSOFT = Words(
    "microsoft",
    token="/common/oauth2/v2.0/token",
    apis={"outlook mail": "/v1.0/me/m", "outlook calendar": "/v1.0/me/cal", "graph batch": "/v1.0/$batch"},
    passing={
        "microsoft is ill": {"status": 500, "reason": "server_error"},
        "microsoft has a transient error": {"reason": "AADSTS90033"},
        "microsoft is unavailable without a number": {"status": 400, "reason": "temporarily_unavailable"},
        "microsoft is too busy": {"reason": "AADSTS90055", "retry_after": 1},
        "microsoft suspects a loop": {"reason": "AADSTS50196"},
    },
    code_refused={
        "microsoft calls the code expired": {"reason": "AADSTS70008"},
        "microsoft calls the code redeemed": {"reason": "AADSTS54005"},
    },
    grant_ended={
        "microsoft ends the grant": {"reason": "AADSTS50173"},
        "microsoft wants a second factor": {"reason": "AADSTS50076"},
    },
    api_refusals=(
        {"status": 401, "reason": "InvalidAuthenticationToken"},
        {"status": 429, "retry_after": 1},
        {"status": 503, "retry_after": 1},
        {"status": 504, "reason": "UnknownError"},
    ),
)


def kinds_of(words: Words) -> list[Kind]:
    """Every way in which a provider can fail."""
    return [*_at_the_exchange(words), *_at_the_refresh(words), *_at_the_apis(words)]


def _at_the_exchange(words: Words) -> list[Kind]:
    at = ("connect",)
    return [
        *(_kind(words, f"{name}, asked to exchange", at, words.token, fault) for name, fault in words.passing.items()),
        *(_kind(words, name, at, words.token, fault) for name, fault in words.code_refused.items()),
        *_without_a_whole_answer(words, "the exchange", at),
    ]


def _at_the_refresh(words: Words) -> list[Kind]:
    return [
        *(
            _kind(words, f"{name}, asked to refresh", REFRESHING, words.token, fault)
            for name, fault in words.passing.items()
        ),
        *(_kind(words, name, ("expire",), words.token, fault, 1) for name, fault in words.grant_ended.items()),
        *_without_a_whole_answer(words, "the refresh", REFRESHING),
        Kind(
            f"{words.provider}'s refresher dies",
            "provider",
            REFRESHING,
            lambda _: {"match": _match(words.token), "kind": "timeout_after_commit", "delay": 0.6},
            3,
            words.provider,
            also=_KILLED_AT_REFRESH,
        ),
    ]


def _at_the_apis(words: Words) -> list[Kind]:
    return [
        kind
        for api, path in words.apis.items()
        for kind in (
            *(_kind(words, f"{api} answers {one['status']}", USING, path, one, 1) for one in words.api_refusals),
            _kind(words, f"{api} hangs", USING, path, {"kind": "hang", "delay": 2.0}, 1),
            _kind(words, f"{api} is slow", USING, path, {"kind": "delay", "delay": 1.0}, 1),
            _kind(words, f"{api} breaks off", USING, path, {"kind": "truncate"}, 1),
        )
    ]


def _without_a_whole_answer(words: Words, what: str, steps: tuple[str, ...]) -> list[Kind]:
    ways: dict[str, Fault] = {
        "breaks off": {"kind": "truncate"},
        "never answers": {"kind": "timeout_after_commit", "delay": 0.3},
        "is slow with": {"kind": "delay", "delay": 0.5},
    }
    return [_kind(words, f"{words.provider} {way} {what}", steps, words.token, fault) for way, fault in ways.items()]


def _kind(words: Words, name: str, steps: tuple[str, ...], path: str, fault: Fault, weight: int = 2) -> Kind:
    def drawn(rng: random.Random) -> dict[str, Any]:
        return {"match": _match(path), "times": rng.choice((1, 1, 2)), "kind": "error"} | dict(fault)

    return Kind(name, "provider", steps, drawn, weight, words.provider)


def _match(path: str) -> dict[str, str]:
    return {"path_prefix": path, "user": "{email}"}


_KILLED_AT_REFRESH = Kind(
    "tokens killed once asked",
    "front door",
    (),
    lambda rng: {
        "function": "tokens",
        "kind": "kill",
        "path_prefix": "/access-tokens",
        "person": "{person}",
        "seconds": round(rng.uniform(0.1, 0.4), 2),
    },
)

PROVIDER_KINDS: tuple[Kind, ...] = (*kinds_of(GOOGLE), *kinds_of(MICROSOFT))
