"""The front door and the functions behind it believe nothing that a request says of itself without proof."""

import json
import secrets
from base64 import urlsafe_b64encode

import pytest
import requests

from scripts.local.catalog import GATEWAY, load
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import service_account
from scripts.local.signing import GatewayKey, GatewaySigner, Outgoing
from tests.briefly import Briefly, Client
from tests.e2e.operations import operations

ROWS = load().functions
PRIVATE = sorted(name for name, row in ROWS.items() if not row.public)
OF_THE_GATEWAY = sorted(name for name, row in ROWS.items() if GATEWAY in row.callers)


def identity(briefly: Briefly) -> IdentityTokens:
    return IdentityTokens.from_file(briefly.state.identity_key)


def asked(briefly: Briefly, function: str, headers: dict[str, str]) -> int:
    """The status of a request that any function would have to know what to do with."""
    return requests.get(f"{briefly.state.origin}/{function}/", headers=headers, timeout=60).status_code


def unsigned(token: str) -> str:
    """As functions see it: its signature was taken away."""
    return f"{token.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"


def of_nobody(email: str) -> str:
    claims = {"iss": "https://accounts.google.com", "email": email, "email_verified": True, "exp": 9_999_999_999}
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims)]
    return f"{parts[0]}.{parts[1]}."


@pytest.mark.parametrize("function", PRIVATE)
def test_the_front_door_lets_in_nobody_on_their_own_word(briefly: Briefly, function: str) -> None:
    caller = service_account(ROWS[function].callers[0])
    right = identity(briefly).mint(caller, briefly.state.endpoints.function(function))
    elsewhere = identity(briefly).mint(caller, briefly.state.endpoints.function("another"))
    stranger = identity(briefly).mint(service_account("nobody"), briefly.state.endpoints.function(function))
    forged = IdentityTokens().mint(caller, briefly.state.endpoints.function(function))
    person = {"X-Briefly-Person": "user_ada"}
    assert asked(briefly, function, person) == 403
    assert asked(briefly, function, person | {"Authorization": f"Bearer {stranger}"}) == 403
    for token in (unsigned(right), of_nobody(caller), elsewhere, forged):
        assert asked(briefly, function, person | {"Authorization": f"Bearer {token}"}) == 401
        beside = {"Authorization": f"Bearer {right}", "X-Serverless-Authorization": f"Bearer {token}"}
        assert asked(briefly, function, person | beside) == 401


@pytest.fixture(scope="module")
def ada(briefly: Briefly) -> Client:
    return briefly.sign_up(f"user_{secrets.token_hex(13)}")


@pytest.mark.parametrize("function", OF_THE_GATEWAY)
def test_not_even_the_gateway_names_a_person_without_their_session(
    briefly: Briefly, ada: Client, function: str
) -> None:
    own = identity(briefly).mint(service_account(GATEWAY), briefly.state.endpoints.function(function))
    for header in ("Authorization", "X-Serverless-Authorization"):
        path = function_path(function)
        answer = requests.get(
            f"{briefly.state.origin}/{function}{path}",
            headers={header: f"Bearer {own}", "X-Briefly-Person": ada.user},
            timeout=60,
        )
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:briefly:problem:forbidden")


def function_path(function: str) -> str:
    """A route of the function that reads."""
    reading = next(one for one in operations() if (one.function, one.method) == (function, "GET"))
    return reading.filled(dict.fromkeys(reading.in_path, "x" * 12)).removeprefix(f"/{function}")


@pytest.mark.parametrize("function", OF_THE_GATEWAY)
def test_a_header_that_names_somebody_beside_all_proofs_is_refused(
    briefly: Briefly, ada: Client, function: str
) -> None:
    """What the gateway signed for one person is not turned into a request for another one by a header."""
    session = briefly.control("clerk", "POST", "sessions", {"user_id": ada.user})["id"]
    token = briefly.control("clerk", "POST", f"sessions/{session}/tokens", {})["jwt"]
    signer = GatewaySigner(GatewayKey.from_jwk(briefly.state.gateway_key), identity(briefly), briefly.state.origin)
    path = function_path(function)
    headers = signer.headers(ada.user, token, Outgoing(function, "GET", path), sensitive=False)
    url = f"{briefly.state.origin}/{function}{path}"
    assert requests.get(url, headers=headers, timeout=60).status_code not in (401, 403)
    for named in ("user_other", ada.user, ""):
        refused = requests.get(url, headers=headers | {"X-Briefly-Person": named}, timeout=60)
        assert refused.status_code == 403, named
