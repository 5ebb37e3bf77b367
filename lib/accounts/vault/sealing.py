"""An account's tokens, sealed with the person's keyset and bound to the place where they are kept."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from lib.accounts.vault import keysets, store
from lib.accounts.vault.store import KeyReplaced
from lib.core.errors import NotFound
from lib.core.keys import Keyset, Unreadable
from lib.core.store import UserId

_T = TypeVar("_T")


@dataclass(frozen=True)
class Tokens:
    """What a provider gave for an account."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def seal(user: UserId, account_id: str, tokens: Tokens, write: Callable[[bytes], _T]) -> _T:
    """Seal the tokens of a consent and have them written; the person's first ones make the keyset."""
    return _written(lambda: keysets.stored_or_new(user), user, account_id, tokens, write)


def reseal(user: UserId, account_id: str, tokens: Tokens, write: Callable[[bytes], _T]) -> _T:
    """Seal what a refresh brought and have it written.

    Raises `NotFound` when the person's keyset has been shredded meanwhile.
    """
    return _written(lambda: _there(keysets.stored(user)), user, account_id, tokens, write)


def opened(user: UserId, account_id: str, sealed: bytes) -> Tokens:
    """The tokens. Raises `NotFound` without a keyset, `Unreadable`, and Google's API errors of the unwrapping."""
    association = store.association(user, account_id)
    keyset = keysets.of(user)
    while True:
        try:
            found = json.loads(_there(keyset).open(sealed, association))
            return Tokens(found["access"], found["refresh"])
        except Unreadable:
            # The keyset that this process keeps may have got other keys elsewhere, and then what was read may have been
            # sealed anew since.
            latest, tokens = keysets.stored(user), store.read(user, account_id)
            if latest is keyset and (tokens is None or tokens[0].sealed == sealed):
                raise
            keyset, sealed = latest, sealed if tokens is None else tokens[0].sealed


def _written(
    keyset: Callable[[], Keyset], user: UserId, account_id: str, tokens: Tokens, write: Callable[[bytes], _T]
) -> _T:
    """Sealed with the stored keyset, and written; again if it got another primary key in between."""
    text = json.dumps({"access": tokens.access, "refresh": tokens.refresh}).encode()
    while True:
        with suppress(KeyReplaced):
            return write(keyset().seal(text, store.association(user, account_id)))


def _there(keyset: Keyset | None) -> Keyset:
    if keyset is None:
        raise NotFound("There is no such account")
    return keyset
