"""signBlob: who may sign as whom, with a key of which Google publishes the certificate."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth.exceptions import TransportError
from google.auth.iam import Signer
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

from scripts.local import clock, iam_credentials
from scripts.local.access_tokens import AccessTokens
from scripts.local.faults import Faults
from scripts.local.http_endpoint import HttpEndpoint
from scripts.local.iam_credentials import IamConfig
from scripts.local.project import service_account
from scripts.local.service_account_keys import ServiceAccountKeys
from tests.local.conftest import LoopThread

SIGNER, CREATOR, STRANGER = (service_account(name) for name in ("signer", "creator", "stranger"))
TOKENS, FAULTS = AccessTokens(), Faults()


@pytest.fixture(scope="module")
def iam(loop_thread: LoopThread) -> Iterator[HttpEndpoint]:
    keys = ServiceAccountKeys((SIGNER, CREATOR, STRANGER))
    config = IamConfig(TOKENS, keys, {SIGNER: frozenset({CREATOR})}, FAULTS)
    endpoint = loop_thread.run(iam_credentials.serve(config))
    yield endpoint
    loop_thread.run(endpoint.close())


def sign(iam: HttpEndpoint, account: str, token: str | None, payload: str = "bWVzc2FnZQ==") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{iam.url}/v1/projects/-/serviceAccounts/{account}:signBlob"
    return requests.post(url, json={"payload": payload}, headers=headers, timeout=5)


def status(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["status"])


@pytest.mark.parametrize("who", [SIGNER, CREATOR])
def test_the_account_itself_and_its_token_creators_sign(iam: HttpEndpoint, who: str) -> None:
    signed = sign(iam, SIGNER, TOKENS.issue(who)).json()
    published = requests.get(f"{iam.url}/service_accounts/v1/metadata/x509/{SIGNER}", timeout=5).json()
    key = x509.load_pem_x509_certificate(published[signed["keyId"]].encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signed["signedBlob"]), b"message", padding.PKCS1v15(), hashes.SHA256())


class Here(Request):
    """google-auth's transport, which finds here what is at Google's address."""

    def __init__(self, iam: HttpEndpoint) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = iam.url

    def __call__(self, url: str, *arguments: Any, **options: Any) -> Any:
        return super().__call__(url.replace("https://iamcredentials.googleapis.com", self._url), *arguments, **options)


def test_googles_signer_signs_and_raises_its_error_where_it_may_not(iam: HttpEndpoint) -> None:
    def signer(who: str) -> Signer:
        return Signer(Here(iam), Credentials(token=TOKENS.issue(who)), SIGNER)  # type: ignore[no-untyped-call]

    expected = base64.b64decode(sign(iam, SIGNER, TOKENS.issue(SIGNER)).json()["signedBlob"])
    assert signer(SIGNER).sign(b"message") == expected
    with pytest.raises(TransportError, match="PERMISSION_DENIED"):
        signer(STRANGER).sign(b"message")


def test_nobody_else_signs(iam: HttpEndpoint) -> None:
    assert status(sign(iam, SIGNER, TOKENS.issue(STRANGER))) == (403, "PERMISSION_DENIED")
    assert status(sign(iam, CREATOR, TOKENS.issue(SIGNER))) == (403, "PERMISSION_DENIED")
    assert status(sign(iam, "none@elsewhere.example", TOKENS.issue(SIGNER))) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("token", [None, "ya29.forged"])
def test_without_a_token_that_was_issued_nothing_is_signed(iam: HttpEndpoint, token: str | None) -> None:
    assert status(sign(iam, SIGNER, token)) == (401, "UNAUTHENTICATED")


def test_a_token_signs_for_an_hour(iam: HttpEndpoint, move_clock: Callable[[timedelta], None]) -> None:
    token = TOKENS.issue(SIGNER)
    clock.move(timedelta(minutes=59))
    assert sign(iam, SIGNER, token).status_code == 200
    clock.move(timedelta(minutes=2))
    assert sign(iam, SIGNER, token).status_code == 401


def test_a_payload_is_base64(iam: HttpEndpoint) -> None:
    assert status(sign(iam, SIGNER, TOKENS.issue(SIGNER), "no base64!")) == (400, "INVALID_ARGUMENT")


def test_an_account_that_there_is_not_has_no_certificates(iam: HttpEndpoint) -> None:
    url = f"{iam.url}/service_accounts/v1/metadata/x509/none@elsewhere.example"
    assert requests.get(url, timeout=5).status_code == 404


def test_it_fails_on_command(iam: HttpEndpoint) -> None:
    FAULTS.arm("iam", "signBlob", code=grpc.StatusCode.UNAVAILABLE)
    assert status(sign(iam, SIGNER, TOKENS.issue(SIGNER))) == (503, "UNAVAILABLE")
