"""A person's keyset: made when first needed, unwrapped once and kept in memory for a while.

Another instance may shred it and make a new one, or give it another primary key and remove the older ones. Opening
learns of that when it fails; sealing has to know before, because what is sealed with a key that is gone nobody could
ever open.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from lib.accounts.vault import store
from lib.accounts.vault.settings import RotationSettings
from lib.accounts.vault.store import StoredKeyset, WrappedTooEarly
from lib.core import clock, keys
from lib.core.settings import load
from lib.core.store import UserId

KEPT = timedelta(minutes=10)
MOST_KEYSETS = 2_000


@dataclass(frozen=True)
class _Kept:
    since: datetime
    wrapped: bytes
    keyset: keys.Keyset


_lock = Lock()
_kept: OrderedDict[UserId, _Kept] = OrderedDict()


def of(user: UserId) -> keys.Keyset | None:
    """The person's keyset, or None if there is none; for a few minutes as it was."""
    with _lock:
        kept = _kept.get(user)
    return kept.keyset if kept and clock.now() - kept.since < KEPT else stored(user)


def stored(user: UserId) -> keys.Keyset | None:
    """The person's keyset as it is stored at this moment, or None if there is none (any more)."""
    found = store.keyset(user)
    if found is None:
        forget(user)
        return None
    return opened(user, found[0])


def opened(user: UserId, kept: StoredKeyset) -> keys.Keyset:
    """A stored keyset, unwrapped unless it is in memory already. Raises `Unreadable`, and Google's API errors."""
    with _lock:
        known = _kept.get(user)
    if known and known.wrapped == kept.wrapped:
        return _keep(user, known.keyset, kept.wrapped)
    return _keep(user, keys.unwrap(kept.wrapped, _association(user)), kept.wrapped)


def stored_or_new(user: UserId) -> keys.Keyset:
    """The person's stored keyset, made if there is none yet. Whoever is second uses what the first has made."""
    while True:
        existing = stored(user)
        if existing is not None:
            return existing
        keyset = keys.new_keyset()
        due_at = clock.now() + load(RotationSettings).keyset_rotation
        if keep(user, keyset, due_at, lambda made: store.create_keyset(user, made)):
            return keyset


def keep(user: UserId, keyset: keys.Keyset, rotation_due_at: datetime, write: Callable[[StoredKeyset], bool]) -> bool:
    """Wrap the keyset and write it, and remember it if it was written.

    Wrapped anew by a version that will be there when the one that it was wrapped by is about to be destroyed.
    """
    at_least = 0
    while True:
        wrapped = keyset.wrap(_association(user), at_least=at_least)
        kept = StoredKeyset(
            wrapped=wrapped.data,
            kek_version=wrapped.kek_version,
            primary=keyset.primary,
            older=sorted(keyset.older),
            rotation_due_at=rotation_due_at,
        )
        try:
            if not write(kept):
                return False
        except WrappedTooEarly as error:
            at_least = error.floor
            continue
        _keep(user, keyset, wrapped.data)
        return True


def forget(user: UserId) -> None:
    """Keep the person's keyset in memory no longer."""
    with _lock:
        _kept.pop(user, None)


def _keep(user: UserId, keyset: keys.Keyset, wrapped: bytes) -> keys.Keyset:
    with _lock:
        _kept[user] = _Kept(clock.now(), wrapped, keyset)
        _kept.move_to_end(user)
        if len(_kept) > MOST_KEYSETS:
            _kept.popitem(last=False)
    return keyset


def _association(user: UserId) -> str:
    return f"briefly/keyset/{user}"
