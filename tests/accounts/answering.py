"""A token endpoint that answers what it is told, by HTTP or by HTTPS."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from lib.core import secrets, settings
from lib.core.settings import Settings

POLL_SECONDS = 0.01


class Endpoint(ThreadingHTTPServer):
    """`answer` is a document, or text as it stands; `discovery` is what a GET gets. `forms` is what was posted.

    A status of redirects leads back here.
    """

    daemon_threads = True
    answer: Any = None
    discovery: Any = None

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.forget()
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"

    def forget(self) -> None:
        """Be as at the start."""
        self.status = 200
        self.retry_after: str | None = None
        self.forms: list[dict[str, str]] = []
        self.cookies: list[str | None] = []
        self.discoveries = 0


class Handler(BaseHTTPRequestHandler):
    server: Endpoint
    # Connections are kept, so that the certificates are read once.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.forms.append(dict(parse_qsl(form.decode())))
        self.server.cookies.append(self.headers["Cookie"])
        self._send(self.server.status, self.server.answer)

    def do_GET(self) -> None:
        self.server.discoveries += 1
        self._send(200, self.server.discovery)

    def _send(self, status: int, answer: Any) -> None:
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status // 100 == 3:
            self.send_header("Location", self.server.url)
        if self.server.retry_after is not None:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Set-Cookie", "whose=somebody; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        return


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint while it serves."""
    with endpoint:
        Thread(target=endpoint.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        try:
            yield endpoint
        finally:
            endpoint.shutdown()


@contextmanager
def configured(*groups: Settings) -> Iterator[None]:
    """The block runs with these settings."""
    before = dict(settings._loaded)
    settings._loaded.update({type(group): group for group in groups})
    secrets._cache.clear()
    try:
        yield
    finally:
        settings._loaded.clear()
        settings._loaded.update(before)
        secrets._cache.clear()
