"""A client of the fake Google: goes through sign-in by plain HTTP, and builds the official API clients."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from tests.local.google import ada

CLIENT_ID = "briefly.apps.googleusercontent.example"
CLIENT_SECRET = "GOCSPX-secret"
REDIRECT_URI = "http://127.0.0.1:8787/accounts/callback?provider=google"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
METADATA = "https://www.googleapis.com/auth/gmail.metadata"
CALENDAR = "https://www.googleapis.com/auth/calendar.events"
CALENDARS = "https://www.googleapis.com/auth/calendar.readonly"
ALL = f"openid email profile {GMAIL} {CALENDAR} {CALENDARS}"
_TIMEOUT = 10


@dataclass(frozen=True)
class Visitor:
    """Somebody in front of one Google."""

    url: str

    def control(self, path: str, body: dict[str, Any]) -> Any:
        """Use the control API."""
        response = requests.post(f"{self.url}/_control/{path}", json=body, timeout=_TIMEOUT)
        assert response.status_code == 200, response.text
        return response.json()

    def read_control(self, path: str, **query: str) -> Any:
        """Look at the control API."""
        return requests.get(f"{self.url}/_control/{path}", params=query, timeout=_TIMEOUT).json()

    def ask(self, **changes: str | None) -> requests.Response:
        """Call the authorization endpoint as the product does, with changes; None leaves a parameter out."""
        wanted: dict[str, str | None] = {
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": ALL,
            "access_type": "offline",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "st&te",
            "login_hint": ada.EMAIL,
        }
        query = {name: value for name, value in (wanted | changes).items() if value is not None}
        return requests.get(f"{self.url}/o/oauth2/v2/auth", params=query, allow_redirects=False, timeout=_TIMEOUT)

    def code(self, **changes: str | None) -> str:
        """A code for what is asked."""
        return redirected(self.ask(**changes))["code"]

    def exchange(self, **form: str) -> requests.Response:
        """Call the token endpoint with the client's secret in the body."""
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return requests.post(f"{self.url}/token", data=client | form, timeout=_TIMEOUT)

    def redeem(self, code: str, **changes: str) -> requests.Response:
        """Redeem a code."""
        form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.exchange(**(form | {"code": code} | changes))

    def refresh(self, refresh_token: str) -> requests.Response:
        """Make an access token from a refresh token."""
        return self.exchange(grant_type="refresh_token", refresh_token=refresh_token)

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """A whole round of consent."""
        response = self.redeem(self.code(**changes))
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def credentials(self, scope: str = ALL, email: str = ada.EMAIL) -> Credentials:
        """Google's own credentials object, able to refresh."""
        tokens = self.tokens(scope=scope, login_hint=email, prompt="consent")
        return Credentials(  # type: ignore[no-untyped-call]
            tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            token_uri=f"{self.url}/token",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
        )

    def gmail(self, scope: str = ALL, email: str = ada.EMAIL) -> Any:
        """Google's Gmail client."""
        return self._build("gmail", "v1", "/", self.credentials(scope, email))

    def calendar(self, scope: str = ALL, email: str = ada.EMAIL) -> Any:
        """Google's Calendar client."""
        return self._build("calendar", "v3", "/calendar/v3/", self.credentials(scope, email))

    def _build(self, name: str, version: str, path: str, credentials: Credentials) -> Any:
        endpoint = {"api_endpoint": f"{self.url}{path}"}
        return build(name, version, credentials=credentials, client_options=endpoint, static_discovery=True)

    def get(self, path: str, token: str | None = None, **query: Any) -> requests.Response:
        """Call an API by plain HTTP."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(f"{self.url}{path}", params=query, headers=headers, timeout=_TIMEOUT)


def redirected(response: requests.Response) -> dict[str, str]:
    """The parameters that a redirect carries back."""
    assert response.status_code == 302, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
