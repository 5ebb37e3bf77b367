"""Wrapping living keysets by a newer version of the vault's key."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from lib.accounts.vault import keysets, store
from lib.accounts.vault.store import StoredKeyset
from lib.core import parallel, telemetry
from lib.core.store import Snapshot, owner
from lib.core.telemetry import person_hash

PAGE = 100
LONGEST_PAGE = timedelta(seconds=10)


@dataclass(frozen=True)
class Outcome:
    """How many keysets were wrapped anew, and how many could not be. When both are 0, none is left."""

    done: int
    failed: int


def rewrap(floor: int) -> Outcome:
    """Wrap up to a page of keysets anew that older versions wrapped.

    Those that cannot be wrapped anew are passed over, and named in the log.
    """
    failed = 0
    for find in (store.keysets_of_first_schema, partial(store.keysets_wrapped_before, floor)):
        last: Snapshot | None = None
        while page := find(PAGE, last):
            outcomes = parallel.ask_all(page, _rewrap, LONGEST_PAGE)
            failures = [(one, outcome) for one, outcome in zip(page, outcomes, strict=True) if outcome is not None]
            for snapshot, failure in failures:
                telemetry.error("a keyset is not wrapped anew", failure, person=person_hash(owner(snapshot)))
            failed += len(failures)
            if len(failures) < len(page):
                return Outcome(len(page) - len(failures), failed)
            last = page[-1]
    return Outcome(0, failed)


def is_proved(floor: int) -> bool:
    """Whether there is no keyset that an older version wrapped."""
    return not store.keysets_of_first_schema(1) and not store.keysets_wrapped_before(floor, 1)


def _rewrap(snapshot: Snapshot) -> None:
    """Nothing happens to one that somebody else has written since; the next look shows what became of it."""
    user, kept = owner(snapshot), StoredKeyset.model_validate(snapshot.to_dict())
    keyset = keysets.unwrapped(user, kept)
    due_at = kept.rotation_due_at or keysets.next_rotation()
    keysets.keep(user, keyset, due_at, partial(store.change_keyset, snapshot), at_least=kept.kek_version)
