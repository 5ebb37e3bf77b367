"""Who makes a request and for whom: the only place where a `UserId` begins.

Cloud Run has already admitted the caller and stripped its token's signature; here the caller's name is read from
that token, and the person is proved by the gateway's service token together with the Clerk session beside it.
"""

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from pydantic import Field

from lib.core import clock, signed_tokens
from lib.core.environment import function_name, service_account
from lib.core.errors import Forbidden, ReplayedRequest, Unauthenticated
from lib.core.settings import Settings, WebAddress, load
from lib.core.store import AlreadyExists, UserId, person

SERVICE_TOKEN_TYPE = "briefly+jwt"
SERVICE_TOKEN_ISSUER = "briefly-gateway"
SERVICE_TOKEN_LIFETIME = timedelta(seconds=60)
PERSON_HEADER = "X-Briefly-Person"
SESSION_HEADER = "X-Clerk-Session"
GATEWAY = "gateway"
TASKS_INVOKER = "tasks-invoker"
# Firestore keeps names between double underscores for itself: https://cloud.google.com/firestore/quotas#limits
_USER_ID = re.compile(r"(?!__.*__$)[A-Za-z0-9_]{1,128}")


class Headers(Protocol):
    """What every framework's headers can do: a look-up that does not mind the case."""

    def get(self, name: str, /) -> str | None: ...


class GatewaySettings(Settings):
    """What proves the gateway and its people: both key sets are JWKS as JSON; parties are the allowed `azp`."""

    gateway_keys: signed_tokens.KeySet
    clerk_keys: signed_tokens.KeySet
    clerk_issuer: WebAddress
    clerk_parties: list[str]


class CallerSettings(Settings):
    """The service accounts that the catalogue lets name a person without that person's session."""

    callers: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """A request as far as identity is concerned; `target` is the path with its query as this function sees it."""

    headers: Headers
    method: str
    target: str
    body: bytes


@dataclass(frozen=True)
class Identity:
    """Whom a request speaks for, who makes it, and in which Clerk session if a person is behind it."""

    person: UserId
    caller: str
    session: str | None = None


def identify(request: Request, *, sensitive: bool = False) -> Identity:
    """The person that the request speaks for: through the gateway with a session, or named by an allowed caller.

    Raises `Unauthenticated`, `Forbidden`, and for sensitive requests `ReplayedRequest`.
    """
    caller = admitted_caller(request.headers)
    named = request.headers.get(PERSON_HEADER)
    if named is not None:
        return Identity(_named_by(caller, named), caller)
    if caller != service_account(GATEWAY):
        raise Forbidden("This caller has to name a person")
    claims = _service_claims(request)
    session = _session_claims(request.headers)
    if not _same(str(claims["sub"]), str(session["sub"])):
        raise Unauthenticated("The service token and the session are of different people")
    user = user_id(claims["sub"])
    if sensitive:
        _prove_sensitive(request, claims, user)
    return Identity(user, caller, session["sid"])


def admitted_caller(headers: Headers) -> str:
    """The service account that Cloud Run admitted, from the token that it checked.

    Cloud Run checks `X-Serverless-Authorization` if it is there, else `Authorization`, and passes the token on without
    its signature (https://cloud.google.com/run/docs/authenticating/service-to-service).
    Raises `Unauthenticated`.
    """
    header = headers.get("X-Serverless-Authorization") or headers.get("Authorization")
    token = bearer(header)
    try:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        email = claims["email"]
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        raise Unauthenticated("The caller's token cannot be read") from None
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        raise Unauthenticated("The caller's token names no verified account")
    return email


def admitted_task(headers: Headers) -> str:
    """The service account of our tasks, if it is what Cloud Run admitted. Raises `Unauthenticated`, `Forbidden`."""
    caller = admitted_caller(headers)
    if caller != service_account(TASKS_INVOKER):
        raise Forbidden("Only tasks come here")
    return caller


def refuse_tasks(headers: Headers) -> None:
    """Let no task pass, which another function may have enqueued. Raises `Unauthenticated`, `Forbidden`."""
    if admitted_caller(headers) == service_account(TASKS_INVOKER):
        raise Forbidden("No tasks come here")


def bearer(header: str | None) -> str:
    """The token of an `Authorization` value (RFC 6750, section 2.1). Raises `Unauthenticated`."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("A bearer token is missing")
    return token.strip()


def body_hash(body: bytes) -> str:
    """What a sensitive request's proof says of its body: SHA-256 in base64url without padding."""
    return urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def user_id(value: object) -> UserId:
    """Clerk's id of a person, as `user_2ab…`. Raises `Unauthenticated` for what cannot be one."""
    if not isinstance(value, str) or not _USER_ID.fullmatch(value):
        raise Unauthenticated("The subject is not a user id")
    return UserId(value)


def _same(first: str, second: str) -> bool:
    """Compared in constant time, as bytes because text may be other than ASCII."""
    return hmac.compare_digest(first.encode(errors="replace"), second.encode(errors="replace"))


def _named_by(caller: str, user: str) -> UserId:
    if caller not in load(CallerSettings).callers:
        raise Forbidden("This caller may not speak for a person")
    return user_id(user)


def _service_claims(request: Request) -> dict[str, Any]:
    if request.headers.get("X-Serverless-Authorization") is None:
        raise Unauthenticated("The service token is missing")
    return signed_tokens.verify(
        bearer(request.headers.get("Authorization")),
        signed_tokens.Expectation(
            keys=load(GatewaySettings).gateway_keys,
            algorithm="EdDSA",
            issuer=SERVICE_TOKEN_ISSUER,
            audience=function_name(),
            token_type=SERVICE_TOKEN_TYPE,
            lifetime_seconds=int(SERVICE_TOKEN_LIFETIME.total_seconds()),
        ),
    )


def _session_claims(headers: Headers) -> dict[str, Any]:
    """Clerk's session token, verified offline (https://clerk.com/docs/backend-requests/manual-jwt)."""
    token = headers.get(SESSION_HEADER)
    if not token:
        raise Unauthenticated("The session is missing")
    settings = load(GatewaySettings)
    claims = signed_tokens.verify(
        token,
        signed_tokens.Expectation(
            keys=settings.clerk_keys,
            algorithm="RS256",
            issuer=settings.clerk_issuer,
            required=("sub", "iat", "exp", "nbf", "sid"),
        ),
    )
    if claims.get("azp") not in settings.clerk_parties:
        raise Unauthenticated("The session was made for another application")
    if not isinstance(claims["sid"], str):
        raise Unauthenticated("The session has no id")
    if claims.get("sts") == "pending":
        raise Unauthenticated("The session has tasks to finish first")
    return claims


def _prove_sensitive(request: Request, claims: dict[str, Any], user: UserId) -> None:
    """The proof covers method, path and body, and is good for one use (after RFC 9449's htm, htu and jti)."""
    proof = {"htm": request.method, "htu": request.target, "bh": body_hash(request.body)}
    for claim, value in proof.items():
        if not _same(str(claims.get(claim, "")), value):
            raise Unauthenticated(f"The signed request does not match: {claim}")
    proof_id = claims.get("jti")
    if not isinstance(proof_id, str) or not 16 <= len(proof_id) <= 128:
        raise Unauthenticated("The signed request has no usable jti")
    used = person(user).collection("signed_requests").document(hashlib.sha256(proof_id.encode()).hexdigest())
    try:
        used.create({"schema_version": 1, "expires_at": clock.now() + 2 * SERVICE_TOKEN_LIFETIME})
    except AlreadyExists:
        raise ReplayedRequest() from None
