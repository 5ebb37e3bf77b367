"""A person's keyset: made when first needed, unwrapped once and kept in memory for a while.

Another instance may shred it and make a new one, or give it another primary key and remove the older ones. Opening
learns of that when it fails; sealing has to know before, because what is sealed with a key that is gone nobody could
ever open.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
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
    keyset: keys.Keyset = field(repr=False)


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
    return _keep(user, unwrapped(user, kept), kept.wrapped)


def unwrapped(user: UserId, kept: StoredKeyset) -> keys.Keyset:
    """The same for somebody who need not be remembered."""
    with _lock:
        known = _kept.get(user)
    if known and known.wrapped == kept.wrapped:
        return known.keyset
    return keys.unwrap(kept.wrapped, _association(user))


def stored_or_new(user: UserId) -> keys.Keyset:
    """The person's stored keyset, made if there is none yet. Whoever is second uses what the first has made."""
    while True:
        existing = stored(user)
        if existing is not None:
            return existing
        keyset = keys.new_keyset()
        made = keep(user, keyset, next_rotation(), partial(store.create_keyset, user))
        if made is not None:
            return _keep(user, keyset, made.wrapped)


def keep(
    user: UserId,
    keyset: keys.Keyset,
    rotation_due_at: datetime,
    write: Callable[[StoredKeyset], bool],
    *,
    at_least: int = 0,
) -> StoredKeyset | None:
    """Wrap the keyset and write it; as it was written, or None if it was not. Whoever is in memory has it from then on.

    It is wrapped by the version `at_least`, which has wrapped it before, or a later one; and by one that will be there
    when older ones are about to be destroyed.
    """
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
                return None
        except WrappedTooEarly as error:
            at_least = error.floor
            continue
        with _lock:
            if user in _kept:
                _kept[user] = _Kept(clock.now(), wrapped.data, keyset)
        return kept


def next_rotation() -> datetime:
    """When a keyset of today gets its next primary key."""
    return clock.now() + load(RotationSettings).keyset_rotation


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
