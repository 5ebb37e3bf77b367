"""The command `scripts/call METHOD PATH`: call a function of the running copy as one of its people.

PATH begins with the function's name, as `/users/me`. The request is signed as the gateway signs, always with
the proof that sensitive operations need. With a `--url` that has `{name}` in it, where functions have addresses of
their own, a deployment is called: see `scripts.deployed_caller`.
"""

import argparse
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import requests

from scripts.deployed_caller import NAME, DeployedCaller, NotPrepared
from scripts.local import clock, state
from scripts.local.gateway_sessions import TOKEN_KEPT
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.signing import GatewayKey, GatewaySigner, Outgoing
from scripts.local.state import NotRunning, State

FAILED = 1
NOT_RUNNING = 2
SESSION_SECONDS = 10.0


class NoSuchPerson(Exception):
    """Clerk does not know the person. The message says so."""


class Caller:
    """Stands in for the gateway towards a running copy; `origin` may be another than its own."""

    def __init__(self, running: State, origin: str | None = None) -> None:
        self._state = running
        self._origin = (origin or running.origin).rstrip("/")
        key = GatewayKey.from_jwk(running.gateway_key)
        self._signer = GatewaySigner(key, IdentityTokens.from_file(running.identity_key), self._origin)
        self._sessions: dict[str, str] = {}
        self._tokens: dict[str, tuple[datetime, str]] = {}
        self._http = requests.Session()
        self._http.trust_env = False

    def call(
        self,
        method: str,
        path: str,
        person: str = "demo",
        *,
        data: str | None = None,
        headers: dict[str, str] | None = None,
        sensitive: bool = False,
        stream: bool = False,
        patience: float | None = None,
    ) -> requests.Response:
        """Call as a person, by short name or user id; `patience` is the longest silence in seconds.

        Raises `NoSuchPerson`, requests' errors.
        """
        function, _, rest = path.lstrip("/").partition("/")
        body = (data or "").encode()
        signed = self.proofs(Outgoing(function, method, f"/{rest}", body), person, sensitive=sensitive)
        typed = {"Content-Type": "application/json"} if data is not None else {}
        return self._http.request(
            method,
            f"{self._origin}/{function}/{rest}",
            data=body or None,
            headers=typed | (headers or {}) | signed,
            allow_redirects=False,
            stream=stream,
            timeout=patience,
        )

    def proofs(self, outgoing: Outgoing, person: str = "demo", *, sensitive: bool = False) -> dict[str, str]:
        """The headers with which the gateway would make a request for the person. Raises as `call` does."""
        user = self._state.people.get(person, person)
        return self._signer.headers(user, self._session_token(user), outgoing, sensitive=sensitive)

    def _session_token(self, user: str) -> str:
        """A Clerk session token that is good for some seconds yet, wherever the clock was moved meanwhile."""
        now = clock.now()
        made_at, token = self._tokens.get(user, (now - TOKEN_KEPT, ""))
        if not timedelta() <= now - made_at < TOKEN_KEPT:
            token = self._new_session_token(user)
            self._tokens[user] = (now, token)
        return token

    def _new_session_token(self, user: str) -> str:
        if user not in self._sessions:
            begun = self._clerk("/_control/sessions", {"user_id": user})
            if begun.status_code == 404:
                raise NoSuchPerson(f"Clerk has no user {user}")
            self._sessions[user] = str(begun.json()["id"])
        made = self._clerk(f"/v1/sessions/{self._sessions[user]}/tokens", {})
        if made.status_code == 404:
            # The session has ended, after a week for instance: people sign in again.
            del self._sessions[user]
            return self._new_session_token(user)
        made.raise_for_status()
        return str(made.json()["jwt"])

    def _clerk(self, path: str, body: dict[str, str]) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._state.clerk_secret_key}"}
        url = self._state.endpoints.clerk + path
        return self._http.post(url, json=body, headers=headers, timeout=SESSION_SECONDS)


def main() -> int:
    """Parse the arguments, call, and print the answer. Exits with 1 for a status of 400 and above."""
    given = _arguments().parse_args()
    try:
        headers = dict(_header(header) for header in given.header)
        answer = _answer(given, given.method.upper(), headers)
        _print(answer)
    except (NotRunning, NoSuchPerson, NotPrepared, requests.RequestException) as error:
        print(error, file=sys.stderr)
        return NOT_RUNNING
    return FAILED if answer.status_code >= 400 else 0


def _answer(given: argparse.Namespace, method: str, headers: dict[str, str]) -> requests.Response:
    if given.url and NAME in given.url:
        deployed = DeployedCaller.of(given.url, given.gateway_account, given.gateway_key, given.session)
        return deployed.call(method, given.path, data=given.data, headers=headers)
    running = state.read(given.state) if given.state else state.read_of_port(_port(given))
    caller = Caller(running, given.url)
    return caller.call(method, given.path, given.person, data=given.data, headers=headers, sensitive=True, stream=True)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/call", description="Call a function of the running local cloud.")
    parser.add_argument("method")
    parser.add_argument("path", help="begins with the function's name: /users/me")
    parser.add_argument("--as", dest="person", default="demo", help="demo, second, or a user id (default demo)")
    parser.add_argument("--data", help="a JSON body")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--url", help="the origin (default that of the running copy), or where each {name} is deployed")
    parser.add_argument("--port", type=int, help="the port of the running copy (default 8787)")
    parser.add_argument("--state", type=Path, help="the folder of the copy's state, if it was started with one")
    deployment = parser.add_argument_group("a deployment", "needed with a --url that has {name} in it")
    deployment.add_argument(
        "--gateway-account", help="the address of the gateway's service account, which gcloud acts as"
    )
    deployment.add_argument("--gateway-key", type=Path, help="a file with the gateway's private key, a JSON web key")
    deployment.add_argument("--session", help="a session token of Clerk, of the person to call as")
    return parser


def _port(given: argparse.Namespace) -> int:
    if given.port is not None:
        return int(given.port)
    return (urlsplit(given.url).port if given.url else None) or 8787


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def _print(answer: requests.Response) -> None:
    """The status on standard error; the body on standard output, JSON indented, a stream as it comes."""
    print(f"{answer.status_code} {answer.reason}", file=sys.stderr)
    if answer.headers.get("Content-Type", "").startswith(("application/json", "application/problem+json")):
        print(json.dumps(answer.json(), indent=2, ensure_ascii=False))
        return
    for chunk in answer.iter_content(None):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
