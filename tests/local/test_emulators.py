"""Google's emulators as children: here a program in their place that listens as they do."""

import socket
import sys
from pathlib import Path

import pytest

from scripts.local import emulators
from scripts.local.children import Children
from scripts.local.preflight import Tools, free_port
from tests.local.conftest import LoopThread

PROGRAM = """#!{python}
import http.server, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Answer).serve_forever()
"""


def test_an_emulator_that_loses_its_port_to_another_program_starts_on_another(
    loop_thread: LoopThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "java"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)

    async def started_port() -> int:
        async with Children() as children:
            return (await emulators.start_firestore(Tools(program, program, program), children, tmp_path)).port

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        ports = [other.getsockname()[1], free_port()]
        monkeypatch.setattr("scripts.local.emulators.free_port", iter(ports).__next__)
        assert loop_thread.run(started_port()) == ports[1]
