"""The command that calls as the gateway does."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lib.core.identity import SESSION_HEADER
from scripts.local.call import Caller
from scripts.local.catalog import REPOSITORY
from scripts.local.project import service_account
from scripts.local.signing import Outgoing
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


GCLOUD = """#!{python}
import sys
sys.path.insert(0, {repository!r})
from pathlib import Path
from scripts.local.identity_tokens import IdentityTokens

given = dict(argument.partition("=")[::2] for argument in sys.argv[1:] if "=" in argument)
assert sys.argv[1:4] == ["auth", "print-identity-token", "--include-email"]
tokens = IdentityTokens.from_file(Path({key!r}))
print(tokens.mint(given["--impersonate-service-account"], given["--audiences"]))
"""


def call_deployment(briefly: Briefly, person: Client, folder: Path, *path: str) -> subprocess.CompletedProcess[str]:
    """Call the running copy as if it were deployed: each function at an address of its own, and tokens from gcloud."""
    gcloud = folder / "gcloud"
    key = str(briefly.state.identity_key)
    gcloud.write_text(GCLOUD.format(python=sys.executable, repository=str(REPOSITORY), key=key))
    gcloud.chmod(0o700)
    (folder / "gateway.jwk").write_text(json.dumps(briefly.state.gateway_key))
    session = Caller(briefly.state).proofs(Outgoing("users", "GET", "/me"), person.user)[SESSION_HEADER]
    command = [sys.executable, "-m", "scripts.local.call", *path, "--url", f"{briefly.state.origin}/{{name}}"]
    command += ["--gateway-account", service_account("gateway"), "--session", session]
    command += ["--gateway-key", str(folder / "gateway.jwk")]
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_a_deployment_is_called_with_the_gateways_identity_from_gcloud(briefly: Briefly, tmp_path: Path) -> None:
    person = briefly.sign_up()
    called = call_deployment(briefly, person, tmp_path, "GET", "/users/me")
    assert (called.returncode, called.stderr) == (0, "200 OK\n"), called.stdout
    assert json.loads(called.stdout)["id"] == person.user


def test_a_deployment_is_not_called_without_what_proves_the_gateway() -> None:
    command = [sys.executable, "-m", "scripts.local.call", "GET", "/users/me", "--url", "https://{name}.example"]
    called = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert called.returncode == 2
    assert "--gateway-account, --gateway-key and --session" in called.stderr
