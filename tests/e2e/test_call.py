"""The command that calls as the gateway does."""

import subprocess
import sys

from scripts.local.catalog import REPOSITORY
from tests.briefly import Briefly, Client


def call(briefly: Briefly, person: Client, method: str, path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.local.call", method, path, "--as", person.user]
    state = ["--state", str(briefly.state.folder)]
    return subprocess.run([*command, *state], cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_a_sensitive_operation_takes_no_more_than_its_method_and_path(briefly: Briefly) -> None:
    person = briefly.sign_up()
    account = person.connect_google()
    called = call(briefly, person, "DELETE", f"/accounts/{account}")
    assert (called.returncode, called.stderr) == (0, "200 OK\n"), called.stdout
    assert person.get("/accounts/")["accounts"] == []


def test_a_refusal_is_shown_and_is_the_commands_failure(briefly: Briefly) -> None:
    called = call(briefly, briefly.sign_up(), "GET", "/accounts/nowhere/at/all")
    assert called.returncode == 1
    assert called.stderr == "404 NOT FOUND\n"
    assert '"type": "urn:briefly:problem:' in called.stdout
