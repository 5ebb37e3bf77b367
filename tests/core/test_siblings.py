"""Calls between functions, each a process of its own: by its own identity, with the problems that it expects."""

import json
import os
import secrets
import subprocess
import sys
from typing import Any

from scripts.local.catalog import REPOSITORY
from tests.briefly import Briefly

ASKING = """
import json, sys
from lib.accounts.models import AccessToken, HandOutRequest, Purpose
from lib.core import problems, siblings
from lib.core.errors import NotFound, Problem
from lib.core.store import UserId

person, expects = sys.argv[1], tuple({"not-found": NotFound}[name] for name in sys.argv[2:])
wish = HandOutRequest(account_id="acc_" + "0" * 24, purpose=Purpose.READ_MAIL, scopes=["a scope"])
try:
    siblings.post("tokens", "/access-tokens", UserId(person), wish, AccessToken, raises=expects)
except Exception as error:
    raised = problems.problem(error)
    print("\\n" + json.dumps({"expected": raised is error, **raised.document()}))
"""


def asked(briefly: Briefly, caller: str, *expects: str, **environment: str) -> dict[str, Any]:
    """The problem that a caller has with an account that there is not."""
    metadata = briefly.state.endpoints.metadata[caller]
    own = {
        "GOOGLE_CLOUD_PROJECT": "briefly-local",
        "K_SERVICE": caller,
        "FUNCTION_URL": f"{briefly.state.origin}/{{name}}",
        "GCE_METADATA_HOST": metadata,
        "GCE_METADATA_IP": metadata,
        "CLOCK_OFFSET_FILE": os.environ["CLOCK_OFFSET_FILE"],
        "PATH": os.environ["PATH"],
    }
    person = f"user_{secrets.token_hex(13)}"
    command = [sys.executable, "-c", ASKING, person, *expects]
    ended = subprocess.run(
        command, env=own | environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    raised: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return raised


def test_a_problem_that_the_caller_expects_is_the_callers(briefly: Briefly) -> None:
    raised = asked(briefly, "mail", "not-found")
    assert (raised["type"], raised["detail"]) == ("urn:briefly:problem:not-found", "There is no such account")


def test_another_problem_is_an_outage_that_tells_nothing(briefly: Briefly) -> None:
    raised = asked(briefly, "mail")
    assert (raised["type"], raised["detail"]) == (
        "urn:briefly:problem:unavailable",
        "tokens did not answer as it should",
    )


def test_who_is_not_admitted_by_its_identity_learns_nothing(briefly: Briefly) -> None:
    raised = asked(briefly, "chat", "not-found")
    assert (raised["type"], raised["detail"]) == (
        "urn:briefly:problem:unavailable",
        "tokens did not answer as it should",
    )


def test_a_sibling_that_cannot_be_reached_is_an_outage(briefly: Briefly) -> None:
    raised = asked(briefly, "mail", "not-found", FUNCTION_URL="http://127.0.0.1:9/{name}")
    assert (raised["type"], raised["detail"]) == ("urn:briefly:problem:unavailable", "tokens cannot be reached")


def test_a_metadata_server_that_cannot_be_reached_is_an_outage(briefly: Briefly) -> None:
    nowhere = "127.0.0.1:9"
    raised = asked(briefly, "mail", GCE_METADATA_HOST=nowhere, GCE_METADATA_IP=nowhere)
    assert (raised["type"], raised["expected"]) == ("urn:briefly:problem:unavailable", False)
