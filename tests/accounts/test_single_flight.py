"""However many instances ask at once, an expired token is refreshed once, and no refresh that went wrong loses it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count

import pytest

from lib.accounts.vault import sealing, store
from lib.core import clock
from lib.core.store import UserId
from scripts.local.background import BackgroundCloud
from scripts.local.project import VAULT_KEY
from tests.briefly import READING_MAIL, Briefly, Client

SEEDS = count(26_001)
INSTANCES, TIMES = 4, 25
EXPIRY_SECONDS = 91 * 60
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Mailbox:
    """A connected account whose access token has expired."""

    briefly: Briefly
    provider: str
    person: Client
    email: str
    account: str

    def refreshes(self) -> int:
        return int(self.briefly.control(self.provider, "GET", "refreshes")["refreshes"].get(self.email, 0))

    def kept(self) -> sealing.Tokens:
        found = store.read(UserId(self.person.user), self.account)
        assert found
        return sealing.opened(UserId(self.person.user), self.account, found[0].sealed)

    def wish(self) -> dict[str, object]:
        return {"account_id": self.account, "purpose": "read mail", "scopes": [READING_MAIL[self.provider]]}


@pytest.fixture(params=["google", "microsoft"])
def mailbox(request: pytest.FixtureRequest, briefly: Briefly, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    monkeypatch.setenv("VAULT_KEY", VAULT_KEY)
    provider = str(request.param)
    person, email = briefly.sign_up(), briefly.unseen_mailbox(next(SEEDS), provider)
    account = person.connect(provider, email)
    briefly.move_clock(EXPIRY_SECONDS)
    return Mailbox(briefly, provider, person, email, account)


@contextmanager
def instance(copy: BackgroundCloud, mailbox: Mailbox) -> Iterator[subprocess.Popen[str]]:
    """A process that is as the function is, and about to ask."""
    asked = {
        "person": mailbox.person.user,
        "account": mailbox.account,
        "scope": READING_MAIL[mailbox.provider],
        "times": TIMES,
    }
    environment = copy.cloud.supervisor.services["tokens"].site.environment("tokens", 0)
    command = [sys.executable, "-m", "tests.accounts.asking", json.dumps(asked)]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_hundred_that_ask_at_once_in_several_instances_cost_one_refresh(
    running_copy: BackgroundCloud, mailbox: Mailbox
) -> None:
    before = mailbox.refreshes()
    with ExitStack() as stack:
        processes = [stack.enter_context(instance(running_copy, mailbox)) for _ in range(INSTANCES)]
        for process in processes:
            assert process.stdout
            # What the function logs on the way is on the same lines.
            assert process.stdout.readline().strip() == "ready"
        tokens = []
        for process in processes:
            assert process.stdin
            process.stdin.write("now\n")
            process.stdin.flush()
        for process in processes:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
            tokens += json.loads(output.splitlines()[-1])
    assert len(tokens) == INSTANCES * TIMES
    assert set(tokens) == {mailbox.kept().access}
    assert mailbox.refreshes() == before + 1


def test_a_refresh_whose_answer_is_lost_after_the_provider_acted_loses_nothing(mailbox: Mailbox) -> None:
    briefly, provider = mailbox.briefly, mailbox.provider
    before, kept = mailbox.refreshes(), mailbox.kept()
    token_path = {"google": "/token", "microsoft": "/common/oauth2/v2.0/token"}[provider]
    match = {"path_prefix": token_path, "user": mailbox.email}
    briefly.control(provider, "POST", "faults", {"kind": "timeout_after_commit", "match": match, "delay": 0.1})
    lost = briefly.as_function("mail", "tokens", "/access-tokens", mailbox.person.user, mailbox.wish())
    assert (lost.status_code, lost.json()["type"]) == (502, "urn:briefly:problem:provider-busy")
    assert mailbox.refreshes() == before + 1
    assert mailbox.kept() == kept
    paused = store.read(UserId(mailbox.person.user), mailbox.account)
    assert paused
    assert paused[0].paused_until
    briefly.move_clock((paused[0].paused_until - clock.now()).total_seconds() + 1)
    answer = briefly.as_function("mail", "tokens", "/access-tokens", mailbox.person.user, mailbox.wish())
    assert answer.status_code == 200, answer.text
    assert mailbox.refreshes() == before + 2
    assert mailbox.kept().access == answer.json()["token"]
    assert (mailbox.kept().refresh == kept.refresh) == (provider == "google")
    assert mailbox.person.get("/mail/labels")["errors"] == []
