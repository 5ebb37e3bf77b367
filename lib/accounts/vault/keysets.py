"""A person's keyset: made when first needed, unwrapped once and kept in memory for a while.

Another instance may shred it and make a new one. Opening learns of that when it fails; sealing has to know before,
because what is sealed with a shredded keyset nobody could ever open.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from lib.accounts.vault import store
from lib.core import clock, keys
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
    wrapped = store.wrapped_keyset(user)
    if wrapped is None:
        forget(user)
        return None
    with _lock:
        kept = _kept.get(user)
    if kept and kept.wrapped == wrapped:
        return _keep(user, kept.keyset, wrapped)
    return _keep(user, keys.unwrap(wrapped, _association(user)), wrapped)


def stored_or_new(user: UserId) -> keys.Keyset:
    """The person's stored keyset, made if there is none yet. Whoever is second uses what the first has made."""
    while True:
        existing = stored(user)
        if existing is not None:
            return existing
        keyset, wrapped = keys.new_keyset(_association(user))
        if store.create_keyset(user, wrapped):
            return _keep(user, keyset, wrapped)


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
