"""Calls from one function to another, each with this function's own identity, for a named person."""

from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import requests
from google.auth.transport.requests import Request as AuthorizationRequest
from google.oauth2 import id_token
from pydantic import BaseModel

from lib.core import clock, deadline, telemetry
from lib.core.environment import function_url
from lib.core.errors import MEDIA_TYPE, Problem, Unavailable
from lib.core.identity import PERSON_HEADER
from lib.core.store import UserId

LONGEST_CALL = timedelta(seconds=20)
TOKEN_KEPT = timedelta(minutes=50)

_R = TypeVar("_R", bound=BaseModel)

_lock = Lock()
_tokens: dict[str, tuple[datetime, str]] = {}


def post(
    function: str,
    path: str,
    person: UserId,
    body: BaseModel,
    result: type[_R],
    *,
    raises: tuple[type[Problem], ...] = (),
) -> _R:
    """Ask a sibling to act for the person.

    Raises the sibling's problem if it is one of `raises`, which the caller has to expect; else `Unavailable`.
    """
    headers = {"Authorization": f"Bearer {_token(function)}", PERSON_HEADER: person}
    trace = telemetry.field("logging.googleapis.com/trace")
    if trace:
        headers["X-Cloud-Trace-Context"] = str(trace).rpartition("/")[2]
    try:
        response = _session().post(
            function_url(function) + path,
            data=body.model_dump_json(),
            headers=headers | {"Content-Type": "application/json"},
            timeout=deadline.current().seconds(LONGEST_CALL),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        telemetry.warning("sibling unreachable", sibling=function, exception=type(error).__name__)
        raise Unavailable(f"{function} cannot be reached") from None
    if response.status_code != 200:
        raise _problem(function, response, raises)
    return result.model_validate_json(response.content)


def _problem(function: str, response: requests.Response, raises: tuple[type[Problem], ...]) -> Problem:
    document: dict[str, Any] = {}
    if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        document = response.json()
    kind = next((kind for kind in raises if kind.type() == document.get("type")), None)
    if kind is None:
        telemetry.warning("sibling failed", sibling=function, sibling_status=response.status_code)
        return Unavailable(f"{function} did not answer as it should")
    standard = ("type", "title", "status", "detail", "request_id")
    members = {name: value for name, value in document.items() if name not in standard}
    return kind(document.get("detail"), **members)


def _token(function: str) -> str:
    """A Google ID token of this function's service account for the sibling, from the metadata server."""
    with _lock:
        kept = _tokens.get(function)
        if kept and clock.now() - kept[0] < TOKEN_KEPT:
            return kept[1]
    token = str(id_token.fetch_id_token(AuthorizationRequest(), function_url(function)))  # type: ignore[no-untyped-call]
    with _lock:
        _tokens[function] = (clock.now(), token)
    return token


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(pool_connections=8, pool_maxsize=64)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
