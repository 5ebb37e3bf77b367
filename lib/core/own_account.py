"""This function's own service account towards Google's HTTP APIs: its access tokens, and what it signs.

Nobody holds the account's private key. The IAM Credentials API signs with it, for who may create tokens as the account
(https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob).
"""

import base64
import binascii
from datetime import timedelta
from functools import cache
from typing import Any

import google.auth
import requests
from google.auth.credentials import Credentials, Signing
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request

from lib.core import deadline, retry
from lib.core.errors import InternalError, Unavailable
from lib.core.settings import Settings, WebAddress, load

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
LONGEST_CALL = timedelta(seconds=5)
NO_PAUSE = timedelta()


class SigningSettings(Settings):
    """`iam_credentials_endpoint` is where the IAM Credentials API is reached."""

    iam_credentials_endpoint: WebAddress = "https://iamcredentials.googleapis.com"


class OwnAccount(Credentials, Signing):
    """The account that this process runs as, in the form that Google's libraries take.

    google-auth's own signer knows the usual address of the API only; and its own credentials ask Google in the
    background, wherever they run, for the regions that the account is restricted to.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        found: Any = google.auth.default(scopes=SCOPES)
        self._source = found[0]

    def refresh(self, request: Any) -> None:
        """A new access token. Raises google-auth's errors."""
        self._source.refresh(request)
        self.token, self.expiry = self._source.token, self._source.expiry

    @property
    def signer_email(self) -> str:
        """The account's address, known to the metadata server. Raises `Unavailable`: who signs reads it first."""
        if not self.token:
            try:
                self.refresh(Request())
            except GoogleAuthError as error:
                raise _unknown(error) from None
        return str(self._source.service_account_email)

    @property
    def signer(self) -> None:
        """None: there is no key here."""
        return

    def sign_bytes(self, message: bytes) -> bytes:
        """The signature (RSA with SHA-256). Raises `Unavailable`, and `InternalError` if the account may not."""
        return retry.run(
            lambda: self._sign(message),
            spending=retry.budget("iam-credentials"),
            pause_before_retry=lambda error: NO_PAUSE if isinstance(error, Unavailable) else None,
        )

    def _sign(self, message: bytes) -> bytes:
        endpoint = load(SigningSettings).iam_credentials_endpoint
        try:
            answer = _session().post(
                f"{endpoint}/v1/projects/-/serviceAccounts/{self.signer_email}:signBlob",
                json={"payload": base64.b64encode(message).decode()},
                timeout=deadline.current().seconds(LONGEST_CALL),
            )
        except (requests.RequestException, GoogleAuthError) as error:
            raise Unavailable(f"Nothing can be signed: {type(error).__name__}") from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unavailable("Nothing can be signed for the moment")
        if answer.status_code != 200:
            raise InternalError(f"The IAM Credentials API answered {answer.status_code}")
        try:
            return base64.b64decode(answer.json()["signedBlob"], validate=True)
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise Unavailable("The signature cannot be read") from None


@cache
def own_account() -> OwnAccount:
    """The one of this process. Raises `Unavailable` while nobody says which it is."""
    try:
        return OwnAccount()
    except GoogleAuthError as error:
        raise _unknown(error) from None


def _unknown(error: GoogleAuthError) -> Unavailable:
    return Unavailable(f"The metadata server does not tell who this is: {type(error).__name__}")


@cache
def _session() -> AuthorizedSession:
    return AuthorizedSession(own_account())  # type: ignore[no-untyped-call]
