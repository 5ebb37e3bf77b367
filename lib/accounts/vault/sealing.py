"""An account's tokens, sealed with the person's keyset and bound to the place where they are kept."""

import json
from dataclasses import dataclass, field

from lib.accounts.vault import keysets, store
from lib.core.errors import NotFound
from lib.core.keys import Keyset, Unreadable
from lib.core.store import UserId


@dataclass(frozen=True)
class Tokens:
    """What a provider gave for an account."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def seal(user: UserId, account_id: str, tokens: Tokens) -> bytes:
    """Seal the tokens of a consent; the person's first ones make the keyset."""
    return _sealed(keysets.stored_or_new(user), user, account_id, tokens)


def reseal(user: UserId, account_id: str, tokens: Tokens) -> bytes:
    """Seal what a refresh brought. Raises `NotFound` when the person's keyset has been shredded meanwhile."""
    return _sealed(_there(keysets.stored(user)), user, account_id, tokens)


def opened(user: UserId, account_id: str, sealed: bytes) -> Tokens:
    """The tokens. Raises `NotFound` without a keyset, `Unreadable`, and Google's API errors of the unwrapping."""
    association = store.association(user, account_id)
    try:
        text = _there(keysets.of(user)).open(sealed, association)
    except Unreadable:
        # The keyset that this process keeps may be one that was shredded and made anew elsewhere.
        text = _there(keysets.stored(user)).open(sealed, association)
    found = json.loads(text)
    return Tokens(found["access"], found["refresh"])


def _sealed(keyset: Keyset, user: UserId, account_id: str, tokens: Tokens) -> bytes:
    text = json.dumps({"access": tokens.access, "refresh": tokens.refresh}).encode()
    return keyset.seal(text, store.association(user, account_id))


def _there(keyset: Keyset | None) -> Keyset:
    if keyset is None:
        raise NotFound("There is no such account")
    return keyset
