"""Microsoft replaces a refresh token at every use, and whatever happens meanwhile, the one that is kept works."""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lib.accounts.microsoft.oauth import MicrosoftOAuth
from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.models import Capability, HandOutRequest, Provider, Purpose
from lib.accounts.ports import Grant
from lib.accounts.vault import refreshing, sealing, store, vault
from lib.accounts.vault.allowance import HandOutSettings
from lib.core.identity import Identity
from lib.core.secrets import SecretSettings
from lib.core.store import UserId
from scripts.local.project import VAULT_KEY
from tests.accounts.answering import configured
from tests.accounts.conftest import MAIL
from tests.briefly import ADA_MICROSOFT, Briefly, Client

EXPIRY = timedelta(minutes=91)
LEASE_OVER = refreshing.LEASE + timedelta(seconds=1)


class Died(Exception):
    """What ends an instance in the middle of its work."""


def die() -> None:
    raise Died


def nothing() -> None:
    return


@dataclass
class Interrupted(MicrosoftOAuth):
    """Microsoft, with something that happens after it has answered and before the vault learns of it."""

    then: Callable[[], object] = nothing

    def refresh(self, refresh_token: str, scopes: frozenset[str]) -> Grant:
        grant = super().refresh(refresh_token, scopes)
        self.then()
        return grant


@dataclass(frozen=True)
class Mailbox:
    """A connected account, of which the tests' own process holds a vault beside the running one."""

    briefly: Briefly
    person: Client
    email: str
    account: str

    def here(self, then: Callable[[], object] = nothing) -> str:
        """An access token of the vault in this process."""
        request = HandOutRequest(account_id=self.account, purpose=Purpose.READ_MAIL, scopes=["Mail.Read"])
        identity = Identity(UserId(self.person.user), MAIL)
        return vault.hand_out(identity, request, {Provider.MICROSOFT: Interrupted(then)}).token

    def there(self) -> str:
        """An access token of the running vault."""
        wish = {"account_id": self.account, "purpose": "read mail", "scopes": ["Mail.Read"]}
        answer = self.briefly.as_function("mail", "tokens", "/access-tokens", self.person.user, wish)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def kept(self) -> sealing.Tokens:
        """What the vault keeps."""
        found = store.read(UserId(self.person.user), self.account)
        assert found
        return sealing.opened(UserId(self.person.user), self.account, found[0].sealed)

    def kept_at_microsoft(self) -> dict[str, Any]:
        """What Microsoft knows of the refresh token that the vault keeps."""
        digest = hashlib.sha256(self.kept().refresh.encode()).hexdigest()
        issued = self.briefly.control("microsoft", "GET", f"refresh_tokens?user={self.email}")["refresh_tokens"]
        (known,) = [token for token in issued if token["sha256"] == digest]
        return dict(known)

    def refreshes(self) -> int:
        return int(self.briefly.control("microsoft", "GET", "refreshes")["refreshes"].get(self.email, 0))


@pytest.fixture
def mailbox(briefly: Briefly, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    monkeypatch.setenv("VAULT_KEY", VAULT_KEY)
    person = briefly.sign_up()
    client_id = parse_qs(urlsplit(person.begin_connecting("microsoft", ADA_MICROSOFT)).query)["client_id"][0]
    settings = MicrosoftSettings(
        microsoft_client_id=client_id, microsoft_authority=f"{briefly.state.endpoints.microsoft}/common"
    )
    mounted = SecretSettings(secrets_dir=str(briefly.state.folder / "secrets" / "tokens"))
    allowed = HandOutSettings(hands_out={MAIL: [Capability.MAIL_READ]})
    with configured(settings, mounted, allowed):
        account = person.connect_microsoft(ADA_MICROSOFT)
        briefly.control("microsoft", "DELETE", "refreshes")
        briefly.move_clock(EXPIRY.total_seconds())
        yield Mailbox(briefly, person, ADA_MICROSOFT, account)


def test_what_a_refresh_brought_is_kept_before_it_is_used(mailbox: Mailbox) -> None:
    before = mailbox.kept()
    token = mailbox.here()
    after = mailbox.kept()
    assert after.access == token
    assert before.refresh != after.refresh
    assert (mailbox.kept_at_microsoft()["generation"], mailbox.kept_at_microsoft()["uses"]) == (1, 0)


def test_a_crash_before_it_is_kept_loses_nothing(mailbox: Mailbox) -> None:
    before = mailbox.kept()
    with pytest.raises(Died):
        mailbox.here(then=die)
    assert mailbox.kept() == before
    assert mailbox.kept_at_microsoft()["uses"] == 1
    mailbox.briefly.move_clock(LEASE_OVER.total_seconds())
    token = mailbox.there()
    assert mailbox.kept().access == token
    mailbox.briefly.move_clock(EXPIRY.total_seconds())
    assert mailbox.there() != token


def test_two_that_refresh_at_once_hand_out_and_keep_the_same(mailbox: Mailbox) -> None:
    elsewhere: list[str] = []

    def overtake() -> None:
        mailbox.briefly.move_clock(LEASE_OVER.total_seconds())
        elsewhere.append(mailbox.there())

    assert [mailbox.here(then=overtake)] == elsewhere
    assert mailbox.refreshes() == 2
    assert mailbox.kept_at_microsoft()["alive"]
    mailbox.briefly.move_clock(EXPIRY.total_seconds())
    assert mailbox.there() not in elsewhere


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_no_order_of_crashes_and_overtakings_loses_the_account(mailbox: Mailbox, seed: int) -> None:
    drawn = random.Random(seed)

    def overtake() -> None:
        mailbox.briefly.move_clock(LEASE_OVER.total_seconds())
        mailbox.there()

    for _ in range(20):
        then = drawn.choice([nothing, die, overtake])
        if then is die:
            with pytest.raises(Died):
                mailbox.here(then=die)
            mailbox.briefly.move_clock(LEASE_OVER.total_seconds())
        else:
            mailbox.here(then)
        assert mailbox.there() == mailbox.kept().access
        assert mailbox.kept_at_microsoft()["alive"]
        mailbox.briefly.move_clock(EXPIRY.total_seconds())
