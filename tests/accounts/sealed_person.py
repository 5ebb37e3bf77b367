"""Somebody with sealed tokens, and what is in them, without a provider who gave them."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from lib.accounts.models import Provider
from lib.accounts.vault import sealing, store
from lib.accounts.vault.sealing import Tokens
from lib.accounts.vault.store import SealedTokens, StoredKeyset
from lib.core import clock, keys
from lib.core.store import UserId

HOUR = timedelta(hours=1)

A_MOMENT_AGO = -timedelta(seconds=1)


@dataclass(frozen=True)
class Sealed:
    """Somebody with sealed tokens, and what is in them."""

    user: UserId
    tokens: dict[str, tuple[str, str]]

    @property
    def keyset(self) -> StoredKeyset:
        found = store.keyset(self.user)
        assert found
        return found[0]

    def keys_in_use(self) -> set[int]:
        return {keys.sealing_key(kept.sealed) for kept in store.all_of(self.user).values()}

    def as_read_here(self) -> dict[str, tuple[str, str]]:
        """As an instance reads them that remembers the keyset as it was."""
        opened = {name: sealing.opened(self.user, name, kept.sealed) for name, kept in store.all_of(self.user).items()}
        return {name: (one.access, one.refresh) for name, one in opened.items()}


def connected(accounts: int = 2) -> Sealed:
    """Somebody whose keyset is due."""
    user = UserId(f"user_{secrets.token_hex(13)}")
    tokens = {f"acc_{number}": (secrets.token_hex(8), secrets.token_hex(8)) for number in range(accounts)}
    for name, (access, refresh) in tokens.items():
        connect(user, name, access, refresh)
    make_due(user)
    return Sealed(user, tokens)


def connect(user: UserId, account: str, access: str, refresh: str) -> None:
    now = clock.now()
    kept = SealedTokens(provider=Provider.GOOGLE, sealed=b"", scopes=[], expires_at=now + HOUR, consented_at=now)
    sealing.seal(
        user,
        account,
        Tokens(access, refresh),
        lambda sealed: store.replace(user, account, kept.model_copy(update={"sealed": sealed})),
    )


def make_due(user: UserId) -> None:
    found = store.keyset(user)
    assert found
    assert store.change(found[1], rotation_due_at=clock.now() + A_MOMENT_AGO)
