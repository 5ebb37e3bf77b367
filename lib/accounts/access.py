"""Access tokens for calling providers: asked of the vault, and kept in memory while they are good."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from threading import Lock

from lib.accounts.errors import ConsentRequired, ProviderBusy
from lib.accounts.models import AccessToken, HandOutRequest, Purpose
from lib.core import clock, siblings
from lib.core.errors import Forbidden, NotFound, PersonDeleted, ReconnectRequired
from lib.core.store import UserId

KEPT_UNTIL_BEFORE_EXPIRY = timedelta(minutes=5)
MOST_TOKENS = 10_000

_REFUSALS = (ConsentRequired, Forbidden, NotFound, PersonDeleted, ProviderBusy, ReconnectRequired)
_Key = tuple[UserId, str, tuple[str, ...], str]
"""Person, account, scopes and purpose: what is on record for one purpose serves no other."""

_lock = Lock()
_kept: dict[_Key, AccessToken] = {}


def access_token(person: UserId, account_id: str, *, purpose: str, scopes: Sequence[str]) -> str:
    """An access token of the person's account that carries the scopes.

    Raises `ReconnectRequired` when the person has to connect the account again, `ConsentRequired` when a scope was not
    granted, `Forbidden` when it is not for this function, `NotFound`, `PersonDeleted`, and `Unavailable`.
    """
    key = (person, account_id, tuple(sorted(scopes)), purpose)
    with _lock:
        kept = _kept.get(key)
    if kept and kept.expires_at - KEPT_UNTIL_BEFORE_EXPIRY > clock.now():
        return kept.token
    return _ask(key, refused=None)


def replace_refused(person: UserId, account_id: str, refused: str, *, purpose: str, scopes: Sequence[str]) -> str:
    """Another access token, because the provider refused this one. Raises as `access_token` does."""
    key = (person, account_id, tuple(sorted(scopes)), purpose)
    return _ask(key, refused=refused)


def _ask(key: _Key, refused: str | None) -> str:
    person, account_id, scopes, purpose = key
    request = HandOutRequest(
        account_id=account_id,
        purpose=Purpose(purpose),
        scopes=list(scopes),
        refused_token_hash=hashlib.sha256(refused.encode()).hexdigest() if refused else None,
    )
    handed_out = siblings.post("tokens", "/access-tokens", person, request, AccessToken, raises=_REFUSALS)
    with _lock:
        if len(_kept) >= MOST_TOKENS:
            _kept.clear()
        _kept[key] = handed_out
    return handed_out.token
