"""A client of the fake Microsoft: signs in as a browser does, redeems by plain HTTP or msal, and reads Graph."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from msal import ConfidentialClientApplication

from tests.local.google.visitor import VERIFIER

CLIENT_ID = "6f1d3f0e-6b1c-4c43-9b1c-0d5c3f3a7f11"
CLIENT_SECRET = "a~secret.of-entra"
REDIRECT_URI = "http://127.0.0.1:8787/api/oauth/callback/microsoft"
ADA = "ada.lindqvist@outlook.example"
BRAM = "bram.okafor@outlook.example"
SCOPES = "openid email profile offline_access User.Read Mail.Read Calendars.ReadWrite"
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
_TIMEOUT = 10


@dataclass(frozen=True)
class Visitor:
    """Somebody in front of one Microsoft; `certificates` is what they trust."""

    url: str
    control_url: str
    certificates: Path

    def control(self, path: str, body: dict[str, Any]) -> Any:
        """Use the control API."""
        answer = requests.post(f"{self.control_url}/_control/{path}", json=body, timeout=_TIMEOUT)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read_control(self, path: str, **query: str) -> Any:
        """Look at the control API."""
        return requests.get(f"{self.control_url}/_control/{path}", params=query, timeout=_TIMEOUT).json()

    def expected(self, email: str = ADA) -> dict[str, Any]:
        """What is known of a person, by Graph's immutable ids."""
        return next(one for one in self.read_control("people")["people"] if one["email"] == email)

    def ask(self, **changes: str | None) -> requests.Response:
        """Call the authorization endpoint; None leaves a parameter out."""
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        wanted: dict[str, str | None] = {
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": SCOPES,
            "state": "st&te",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "login_hint": ADA,
        }
        query = {name: value for name, value in (wanted | changes).items() if value is not None}
        return requests.get(
            f"{self.url}/common/oauth2/v2.0/authorize",
            params=query,
            allow_redirects=False,
            timeout=_TIMEOUT,
            verify=self.certificates,
        )

    def code(self, **changes: str | None) -> str:
        """A code for what is asked."""
        return redirected(self.ask(**changes))["code"]

    def exchange(self, **form: str) -> requests.Response:
        """Call the token endpoint with the client's secret in the body."""
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return requests.post(
            f"{self.url}/common/oauth2/v2.0/token", data=client | form, timeout=_TIMEOUT, verify=self.certificates
        )

    def redeem(self, code: str, **changes: str) -> requests.Response:
        """Redeem a code."""
        form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.exchange(**(form | {"code": code} | changes))

    def refresh(self, refresh_token: str, **changes: str) -> requests.Response:
        """Make new tokens from a refresh token."""
        return self.exchange(**({"grant_type": "refresh_token", "refresh_token": refresh_token} | changes))

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """A whole round of consent."""
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def application(self, secret: str = CLIENT_SECRET, authority: str | None = None) -> ConfidentialClientApplication:
        """Microsoft's own client."""
        return ConfidentialClientApplication(
            CLIENT_ID,
            client_credential=secret,
            authority=authority or f"{self.url}/common",
            instance_discovery=False,
            verify=str(self.certificates),
        )

    def graph(
        self, path: str, token: str, *, method: str = "GET", body: Any = None, **headers: str
    ) -> requests.Response:
        """Call Graph; underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("https://") else f"{self.url}/v1.0{path}"
        return requests.request(
            method,
            url,
            json=body,
            headers={"Authorization": f"Bearer {token}"} | named,
            timeout=_TIMEOUT,
            verify=self.certificates,
        )


def redirected(answer: requests.Response) -> dict[str, str]:
    """What the person is sent back with."""
    assert answer.status_code in (302, 303), answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
