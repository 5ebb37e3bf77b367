"""A person's keyset gets a new primary key from time to time, and loses the older ones.

In steps, each of which leaves all readable and can be done again by whoever comes next:
1. The keyset is kept with a fresh key as its primary one, and the others beside it. From then on nothing is kept that
   another key sealed: `store.change` refuses it, and it is sealed anew.
2. What older keys sealed before is sealed anew, document by document.
3. When nothing is left that they sealed, the older keys are removed, and the next rotation has its date.
"""

from datetime import timedelta
from functools import partial

from lib.accounts.vault import keysets, store
from lib.accounts.vault.store import SealedTokens, StoredKeyset
from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, telemetry
from lib.core.environment import service_account
from lib.core.errors import Problem
from lib.core.identity import TASKS_INVOKER
from lib.core.keys import Keyset, sealing_key
from lib.core.store import Snapshot, UserId
from lib.core.telemetry import person_hash

UNFINISHED_FOR = timedelta(hours=1)
"""For how long a rotation is left alone that cannot be finished now."""


def rotate(user: UserId) -> bool:
    """Bring a rotation that is due, or was begun, to its end; False if somebody's refresh is in its way.

    Nothing happens if none is due, or there is no keyset (any more). Raises `Unreadable` for what cannot be sealed
    anew, and Google's API errors.
    """
    while (found := store.keyset(user)) is not None:
        kept, snapshot = found
        if kept.older:
            if not _seal_anew(user, keysets.opened(user, kept)):
                store.put_off_rotation(snapshot, clock.now() + UNFINISHED_FOR)
                return False
            if _remove_older(user, kept, snapshot):
                _record(user, "rotated")
        elif _is_due(kept):
            _record(user, "begun")
            _add_primary(user, kept, snapshot)
        else:
            return True
    return True


def put_off(user: UserId, failure: Problem) -> None:
    """Leave the person's keyset alone for a while, since its rotation failed."""
    telemetry.error("a keyset is not rotated", failure, person=person_hash(user))
    _record(user, f"put off: {type(failure).__name__}")
    found = store.keyset(user)
    if found is not None:
        store.put_off_rotation(found[1], clock.now() + UNFINISHED_FOR)


def _record(user: UserId, outcome: str) -> None:
    recording.record(user, Action.KEY_ROTATION, service_account(TASKS_INVOKER), "scheduled", outcome)


def _is_due(kept: StoredKeyset) -> bool:
    return kept.rotation_due_at is not None and kept.rotation_due_at <= clock.now()


def _add_primary(user: UserId, kept: StoredKeyset, snapshot: Snapshot) -> None:
    """It stays due until it is finished with, so that it is found again."""
    rotated = keysets.opened(user, kept).rotated()
    due_at = kept.rotation_due_at or clock.now()
    keysets.keep(user, rotated, due_at, partial(store.change_keyset, snapshot), at_least=kept.kek_version)


def _remove_older(user: UserId, kept: StoredKeyset, snapshot: Snapshot) -> bool:
    alone = keysets.opened(user, kept).without_older()
    remove = partial(store.change_keyset, snapshot)
    removed = keysets.keep(user, alone, keysets.next_rotation(), remove, at_least=kept.kek_version)
    return removed is not None


def _seal_anew(user: UserId, keyset: Keyset) -> bool:
    """Seal with the primary key what older ones sealed; False if something has to wait."""
    done = [_seal_document_anew(snapshot, keyset) for snapshot in store.sealed_with_other_keys(user, keyset.primary)]
    return all(done)


def _seal_document_anew(found: Snapshot, keyset: Keyset) -> bool:
    """False for tokens that are being refreshed.

    Whoever holds the lease could not keep what the provider sent otherwise, and will seal it with the primary key.
    """
    snapshot: Snapshot | None = found
    while snapshot is not None and sealing_key(snapshot.get(store.SEALED)) != keyset.primary:
        if _is_leased(snapshot):
            return False
        association = store.association_of(snapshot)
        sealed = keyset.seal(keyset.open(snapshot.get(store.SEALED), association), association)
        if store.change(snapshot, sealed=sealed):
            return True
        snapshot = store.again(snapshot)
    return True


def _is_leased(snapshot: Snapshot) -> bool:
    tokens = SealedTokens.model_validate(snapshot.to_dict())
    return tokens.lease_until is not None and tokens.lease_until > clock.now()
