"""A person's keyset: made when first needed, unwrapped once and kept in memory for a while."""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

from lib.accounts.vault import store
from lib.core import clock, keys
from lib.core.store import UserId

KEPT = timedelta(minutes=10)
MOST_KEYSETS = 2_000

_lock = Lock()
_kept: OrderedDict[UserId, tuple[datetime, keys.Keyset]] = OrderedDict()


def of(user: UserId) -> keys.Keyset | None:
    """The person's keyset, or None if there is none (any more)."""
    with _lock:
        kept = _kept.get(user)
        if kept and clock.now() - kept[0] < KEPT:
            return kept[1]
    wrapped = store.wrapped_keyset(user)
    return _keep(user, keys.unwrap(wrapped, _association(user))) if wrapped else None


def of_or_new(user: UserId) -> keys.Keyset:
    """The person's keyset, made if there is none yet. Whoever is second uses what the first has made."""
    while True:
        existing = of(user)
        if existing is not None:
            return existing
        keyset, wrapped = keys.new_keyset(_association(user))
        if store.create_keyset(user, wrapped):
            return _keep(user, keyset)


def _keep(user: UserId, keyset: keys.Keyset) -> keys.Keyset:
    with _lock:
        _kept[user] = (clock.now(), keyset)
        _kept.move_to_end(user)
        if len(_kept) > MOST_KEYSETS:
            _kept.popitem(last=False)
    return keyset


def _association(user: UserId) -> str:
    return f"briefly/keyset/{user}"
