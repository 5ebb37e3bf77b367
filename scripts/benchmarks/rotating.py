"""A process that seals, rotates and wraps anew what `rotation` tells it to, one step for each line that it reads.

It prints what each step took, as a line of JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from lib.accounts.models import Provider
from lib.accounts.vault import key_sweeps, keysets, sealing, store
from lib.accounts.vault.epochs import rewrapping
from lib.accounts.vault.sealing import Tokens
from lib.accounts.vault.store import SealedTokens
from lib.core import clock, key_versions, parallel
from lib.core.store import UserId

PAGE = 100
LONGEST_PAGE = timedelta(minutes=5)
# As long as those of providers.
TOKEN = "t" * 1200
HOUR = timedelta(hours=1)

_Pages = Iterator[None]


def main() -> None:
    """Take each step when told to."""
    people, accounts = int(sys.argv[1]), int(sys.argv[2])
    steps: tuple[Callable[[], _Pages], ...] = (lambda: _seal(people, accounts), _rotate, _rewrap)
    for step in steps:
        sys.stdin.readline()
        keysets._kept.clear()
        print(json.dumps(_taken(step())), flush=True)


def _taken(pages: _Pages) -> dict[str, float]:
    began, first = time.perf_counter(), 0.0
    for _ in pages:
        first = first or _memory()
    return {"seconds": time.perf_counter() - began, "first_memory": first, "memory": _memory()}


def _memory() -> float:
    """The most so far, in mebibytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _seal(people: int, accounts: int) -> _Pages:
    for first in range(0, people, PAGE):
        users = [UserId(f"user_{number:026d}") for number in range(first, min(first + PAGE, people))]
        for failure in parallel.ask_all(users, lambda user: _connect(user, accounts), LONGEST_PAGE):
            if failure is not None:
                raise failure
        yield


def _connect(user: UserId, accounts: int) -> None:
    now = clock.now()
    kept = SealedTokens(provider=Provider.GOOGLE, sealed=b"", scopes=[], expires_at=now + HOUR, consented_at=now)
    for number in range(accounts):
        _seal_one(user, f"acc_{number}", kept)
    found = store.keyset(user)
    if found is not None:
        store.put_off_rotation(found[1], now - HOUR)


def _seal_one(user: UserId, account: str, kept: SealedTokens) -> None:
    sealing.seal(
        user,
        account,
        Tokens(TOKEN, TOKEN),
        lambda sealed: store.replace(user, account, kept.model_copy(update={"sealed": sealed})),
    )


def _rotate() -> _Pages:
    while key_sweeps.rotate_some():
        yield
    yield


def _rewrap() -> _Pages:
    version = key_versions.create()
    key_versions.make_primary(version)
    while rewrapping.rewrap(version).done:
        yield


if __name__ == "__main__":
    main()
