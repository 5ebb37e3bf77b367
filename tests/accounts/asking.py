"""An instance of the vault that asks for one account's token many times at once.

`python -m tests.accounts.asking ASKED`, where ASKED is JSON: `person`, `account`, `scope` and how many `times`. When it
is ready it says so in a line, and asks when it is given one; its last line is the tokens as a JSON list.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from lib.accounts.models import HandOutRequest, Purpose
from lib.accounts.vault import vault
from lib.core.identity import Identity
from lib.core.store import UserId
from scripts.local.project import service_account


def main() -> None:
    """The command."""
    asked = json.loads(sys.argv[1])
    identity = Identity(UserId(asked["person"]), service_account("mail"))
    request = HandOutRequest(account_id=asked["account"], purpose=Purpose.READ_MAIL, scopes=[asked["scope"]])
    together = Barrier(asked["times"])

    def ask(_: int) -> str:
        together.wait()
        return vault.hand_out(identity, request).token

    with ThreadPoolExecutor(asked["times"]) as pool:
        say("ready")
        sys.stdin.readline()
        say(json.dumps(list(pool.map(ask, range(asked["times"])))))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
