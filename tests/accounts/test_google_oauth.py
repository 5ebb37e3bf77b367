"""What Google's token endpoint may answer and should not."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lib.accounts.errors import ProviderBusy
from lib.accounts.google.oauth import CLIENT_SECRET, GoogleOAuth
from lib.accounts.providers import TokenSettings
from lib.core import secrets, settings
from lib.core.secrets import SecretSettings

GOOD = {"access_token": "ya29.good", "expires_in": 3599, "scope": "openid email", "token_type": "Bearer"}


class Endpoint(ThreadingHTTPServer):
    """Answers 200 with what it is told."""

    answer: Any = None


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Endpoint)
        body = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        return


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    (tmp_path / CLIENT_SECRET).write_text("secret", encoding="utf-8")
    before = dict(settings._loaded)
    with Endpoint(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/token"
        settings._loaded[TokenSettings] = TokenSettings(
            google_oauth_client_id="us", google_token_url=url, google_revoke_url=url, google_issuer=url
        )
        settings._loaded[SecretSettings] = SecretSettings(secrets_dir=str(tmp_path))
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    settings._loaded.clear()
    settings._loaded.update(before)
    secrets._cache.clear()


def test_a_good_answer_is_a_grant(endpoint: Endpoint) -> None:
    endpoint.answer = GOOD
    grant = GoogleOAuth().refresh("1//0")
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
        GoogleOAuth().refresh("1//0")
