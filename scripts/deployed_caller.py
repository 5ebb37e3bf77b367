"""Calls a deployment as the gateway does, to see whether it answers: for `scripts/call --url 'https://{name}-….run.app'`.

The gateway's own identity comes from gcloud, which acts as the gateway's service account for whoever may: by
roles/iam.serviceAccountTokenCreator on it, since gcloud asks for an access token before the identity token. The
gateway's key and the person's session are given.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import jwt
import requests

from scripts.local.signing import GatewayKey, Outgoing, gateway_headers

NAME = "{name}"
GCLOUD_SECONDS = 60.0
ANSWER_SECONDS = 90.0


class NotPrepared(Exception):
    """Something that a call needs is missing or unusable. The message says what."""


@dataclass(frozen=True)
class DeployedCaller:
    """`url` is where the function {name} is; the session names the person."""

    url: str
    account: str
    key: GatewayKey
    session: str

    @classmethod
    def of(cls, url: str, account: str | None, key: Path | None, session: str | None) -> Self:
        """From what was given on the command line. Raises `NotPrepared`."""
        if account is None or key is None or session is None:
            raise NotPrepared("A deployment is called with --gateway-account, --gateway-key and --session")
        try:
            return cls(url, account, GatewayKey.from_jwk(json.loads(key.read_text(encoding="utf-8"))), session)
        except (OSError, ValueError, KeyError, jwt.PyJWTError) as error:
            raise NotPrepared(f"{key} holds no private JSON web key of the gateway: {error}") from None

    def call(self, method: str, path: str, *, data: str | None, headers: dict[str, str]) -> requests.Response:
        """Call a function; the path begins with its name. Raises `NotPrepared`, requests' errors."""
        function, _, rest = path.lstrip("/").partition("/")
        audience, body = self.url.replace(NAME, function), (data or "").encode()
        word = self.key.service_token(self._person(), Outgoing(function, method, f"/{rest}", body), sensitive=True)
        signed = gateway_headers(self._own_token(audience), word, self.session)
        typed = {"Content-Type": "application/json"} if data is not None else {}
        return requests.request(
            method,
            f"{audience}/{rest}",
            data=body or None,
            headers=typed | headers | signed,
            allow_redirects=False,
            stream=True,
            timeout=ANSWER_SECONDS,
        )

    def _person(self) -> str:
        """Whose session it is. The function verifies that; here it only has to be read."""
        try:
            return str(jwt.decode(self.session, options={"verify_signature": False})["sub"])
        except (jwt.PyJWTError, KeyError) as error:
            raise NotPrepared(f"--session is no session token: {error}") from None

    def _own_token(self, audience: str) -> str:
        """Google's identity token of the gateway (https://cloud.google.com/run/docs/authenticating/developers)."""
        command = ["gcloud", "auth", "print-identity-token", "--include-email", "--quiet"]
        command += [f"--impersonate-service-account={self.account}", f"--audiences={audience}"]
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GCLOUD_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotPrepared(f"gcloud cannot be asked for a token: {error}") from None
        except subprocess.CalledProcessError as error:
            raise NotPrepared(f"gcloud gives no token of {self.account}: {error.stderr.strip()}") from None
        return told.stdout.strip()
