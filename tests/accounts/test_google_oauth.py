"""What Google's token endpoint may answer and should not."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.accounts.errors import ProviderBusy
from lib.accounts.google.oauth import CLIENT_SECRET, GoogleOAuth
from lib.accounts.google.settings import GoogleTokenSettings
from lib.core.secrets import SecretSettings
from tests.accounts.answering import Endpoint, configured, serving
from tests.mounting import mount

GOOD = {"access_token": "ya29.good", "expires_in": 3599, "scope": "openid email", "token_type": "Bearer"}
GRANTED = frozenset({"openid", "email"})


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    mount(tmp_path, CLIENT_SECRET, "secret")
    server = Endpoint()
    google = GoogleTokenSettings(
        google_oauth_client_id="us",
        google_token_url=server.url,
        google_revoke_url=server.url,
        google_issuer=server.url,
    )
    with serving(server), configured(google, SecretSettings(secrets_dir=str(tmp_path))):
        yield server


def test_a_good_answer_is_a_grant(endpoint: Endpoint) -> None:
    endpoint.answer = GOOD
    grant = GoogleOAuth().refresh("1//0", GRANTED)
    assert (grant.access_token, grant.refresh_token) == ("ya29.good", None)
    assert grant.lifetime == timedelta(seconds=3599)
    assert grant.scopes == {"openid", "email"}


@pytest.mark.parametrize(
    "answer",
    [
        *([], ["access_token"], "text", None, 7, {}),
        {**GOOD, "access_token": None},
        {**GOOD, "access_token": ""},
        {**GOOD, "expires_in": "soon"},
        {**GOOD, "expires_in": 10**30},
        {**GOOD, "expires_in": -1},
        {**GOOD, "scope": ["openid"]},
        {"access_token": "ya29.good"},
    ],
    ids=json.dumps,
)
def test_an_answer_without_a_token_is_a_failure_that_passes(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answer = answer
    with pytest.raises(ProviderBusy):
        GoogleOAuth().refresh("1//0", GRANTED)


def test_a_grant_of_limited_time_says_when_it_ends(endpoint: Endpoint) -> None:
    endpoint.answer = GOOD | {"refresh_token_expires_in": 604_799}
    assert GoogleOAuth().refresh("1//0", GRANTED).lasts == timedelta(seconds=604_799)
    endpoint.answer = GOOD
    unlimited = GoogleOAuth().refresh("1//0", GRANTED)
    assert (unlimited.lasts, unlimited.lasts_unused) == (None, timedelta(days=180))


@pytest.mark.parametrize(("asked", "pause"), [("120", timedelta(minutes=2)), ("soon", None), (None, None)])
def test_a_pause_that_is_asked_for_is_told(endpoint: Endpoint, asked: str | None, pause: timedelta | None) -> None:
    endpoint.status, endpoint.retry_after = 429, asked
    with pytest.raises(ProviderBusy) as busy:
        GoogleOAuth().refresh("1//0", GRANTED)
    assert busy.value.asked_pause == pause
