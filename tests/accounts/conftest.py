"""The vault in the tests' own process, beside the running one: a second instance on the same databases and keys."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from lib.accounts import store as account_store
from lib.accounts.models import (
    Account,
    AccountTask,
    Capability,
    ExchangedAccount,
    ExchangeRequest,
    HandOutRequest,
    Provider,
    Purpose,
    RevocationTried,
    Shredded,
    ShredRequest,
)
from lib.accounts.vault import refreshing, revoking, shredding, store, vault
from lib.accounts.vault.allowance import HandOutSettings
from lib.accounts.vault.store import SealedTokens
from lib.core import breaker
from lib.core.identity import Identity
from lib.core.store import UserId
from scripts.local.project import VAULT_KEY, service_account
from tests.accounts.answering import configured
from tests.accounts.provider import HOUR, SCOPE, OwnProvider
from tests.accounts.vault_world import VaultWorld, vault_world
from tests.briefly import Briefly
from tests.kept import audit_entries

MAIL = service_account("mail")


@dataclass(frozen=True)
class Person:
    """Somebody with an account at a provider of the test's own."""

    user: UserId

    @property
    def identity(self) -> Identity:
        return Identity(self.user, MAIL)

    def connect(self, provider: OwnProvider | None = None, lifetime: timedelta = HOUR) -> ExchangedAccount:
        """Connect the account, or connect it again."""
        request = ExchangeRequest(provider=Provider.GOOGLE, code="a code", code_verifier="v" * 43, redirect_url="")
        provider = provider or OwnProvider(lifetime)
        exchanged = vault.exchange(self.identity, request, provider.all())
        account = Account(
            id=exchanged.account_id,
            provider=Provider.GOOGLE,
            email=exchanged.email,
            scopes=exchanged.scopes,
            grant_ends_at=exchanged.grant_ends_at,
            connected_at=exchanged.consented_at,
            consented_at=exchanged.consented_at,
        )
        account_store.save_connected(self.user, account)
        return exchanged

    def account(self, account_id: str) -> Account:
        found = account_store.account(self.user, account_id)
        assert found
        return found

    def token(self, account_id: str, provider: OwnProvider | None = None, refused: str | None = None) -> str:
        """An access token of the vault's; `refused` is the hash of one that is no good."""
        request = HandOutRequest(
            account_id=account_id, purpose=Purpose.READ_MAIL, scopes=[SCOPE], refused_token_hash=refused
        )
        return vault.hand_out(self.identity, request, (provider or OwnProvider()).all()).token

    def disconnect(self, account_id: str, provider: OwnProvider) -> Shredded:
        """Have the account's tokens shredded."""
        return shredding.shred(self.identity, ShredRequest(account_id=account_id, purpose="a test"), provider.all())

    def refresh_ahead(self, account_id: str, provider: OwnProvider) -> bool:
        """Do as a task does that was told that the account is due; whether its tokens were refreshed."""
        task = AccountTask(account_id=account_id)
        return refreshing.refresh_ahead(self.identity, task, provider.all()).refreshed

    def revoke(self, account_id: str, provider: OwnProvider) -> RevocationTried:
        """Do as a task does that was told of a revocation."""
        return revoking.try_again(self.identity, AccountTask(account_id=account_id), provider.all())

    def kept(self, account_id: str) -> SealedTokens:
        """What the vault keeps."""
        found = store.read(self.user, account_id)
        assert found
        return found[0]

    def set_kept(self, account_id: str, **changes: Any) -> None:
        """Have the vault keep something else."""
        found = store.read(self.user, account_id)
        assert found
        assert store.change(found[1], **changes)

    def record(self) -> list[tuple[str, str]]:
        """What the audit log has of the person: actions and outcomes in order."""
        return [(entry["action"], entry["outcome"]) for entry in audit_entries(self.user)]


@pytest.fixture(scope="session")
def vault_apart(briefly: Briefly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultWorld]:
    """A vault apart from the running copy's, with instances that can be killed."""
    with vault_world(briefly, tmp_path_factory.mktemp("vault")) as world:
        yield world


@pytest.fixture
def own(briefly: Briefly, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """Somebody new."""
    monkeypatch.setenv("VAULT_KEY", VAULT_KEY)
    # What earlier tests had providers fail by is nobody's experience here.
    breaker.breaker.cache_clear()
    for provider in Provider:
        breaker.StoredState().write(f"{provider}-tokens", None)
    with configured(HandOutSettings(hands_out={MAIL: [Capability.MAIL_READ]})):
        yield somebody()


def somebody() -> Person:
    """Somebody new."""
    return Person(UserId(f"user_{secrets.token_hex(13)}"))
