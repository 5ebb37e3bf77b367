"""What an account shows of the grant behind it, and that this heals by itself where nobody has to act."""

from datetime import timedelta

import pytest

from lib.accounts import store as account_store
from lib.accounts.errors import ConsentRequired, ProviderBusy
from lib.accounts.models import Capability, Health
from lib.accounts.vault import refreshing
from lib.core import clock
from tests.accounts.conftest import Person
from tests.accounts.provider import ENDED, SCOPE, OwnProvider
from tests.briefly import Briefly

EXPIRED = timedelta(0)
SHORTLY = account_store.EXPIRING_WITHIN - timedelta(hours=1)
CALENDAR = "https://www.googleapis.com/auth/calendar.readonly"


def test_a_grant_that_the_provider_ends_in_days_is_expiring_whether_it_is_used_or_not(own: Person) -> None:
    account = own.connect(OwnProvider(EXPIRED, lasts=SHORTLY)).account_id
    shown = own.account(account)
    assert shown.health is Health.EXPIRING
    assert shown.grant_ends_at
    assert abs(shown.grant_ends_at - clock.now() - SHORTLY) < timedelta(minutes=1)
    assert own.token(account, OwnProvider())
    assert own.account(account).health is Health.EXPIRING


def test_a_grant_that_would_lapse_for_want_of_use_lasts_longer_once_it_is_used(own: Person) -> None:
    account = own.connect(OwnProvider(EXPIRED, lasts_unused=SHORTLY)).account_id
    assert own.account(account).health is Health.EXPIRING
    own.token(account, OwnProvider(lasts_unused=timedelta(days=90)))
    assert own.account(account).health is Health.OK


def test_a_provider_that_asks_for_a_pause_is_left_alone_until_then_and_the_account_says_so(
    briefly: Briefly, own: Person
) -> None:
    account = own.connect(OwnProvider(EXPIRED)).account_id
    busy = OwnProvider(failure=ProviderBusy(asked_pause=timedelta(minutes=10)))
    for _ in range(3):
        with pytest.raises(ProviderBusy):
            own.token(account, busy)
    assert busy.asked == ["refresh"]
    shown = own.account(account)
    assert shown.health is Health.THROTTLED
    assert shown.throttled_until
    assert shown.throttled_until == own.kept(account).paused_until
    briefly.move_clock(600)
    assert (own.account(account).health, own.account(account).throttled_until) == (Health.OK, None)
    assert own.token(account)


def test_nobody_can_have_a_provider_left_alone_for_longer_than_an_hour(own: Person) -> None:
    account = own.connect(OwnProvider(EXPIRED)).account_id
    with pytest.raises(ProviderBusy):
        own.token(account, OwnProvider(failure=ProviderBusy(asked_pause=timedelta(days=1))))
    paused_until = own.kept(account).paused_until
    assert paused_until
    assert paused_until <= clock.now() + refreshing.LONGEST_ASKED_PAUSE


def test_an_end_that_a_background_refresh_learns_of_shows_at_once_and_is_on_record(own: Person) -> None:
    account = own.connect(OwnProvider(EXPIRED)).account_id
    own.set_kept(account, due_at=clock.now())
    assert not own.refresh_ahead(account, OwnProvider(failure=ENDED))
    shown = own.account(account)
    assert (shown.health, shown.health_reason) == (Health.NEEDS_RECONNECT, str(ENDED))
    assert own.record()[-1] == ("refresh", "failed: GrantEnded")
    assert own.kept(account).due_at is None


def test_a_refresh_that_brings_fewer_scopes_shows_and_whoever_needs_the_others_is_told(own: Person) -> None:
    account = own.connect(OwnProvider(EXPIRED, scopes=frozenset({SCOPE, CALENDAR}))).account_id
    assert own.account(account).capabilities == [Capability.MAIL_READ, Capability.CALENDAR_READ]
    with pytest.raises(ConsentRequired) as refused:
        own.token(account, OwnProvider(scopes=frozenset({CALENDAR})))
    assert refused.value.members == {
        "provider": "google",
        "account_id": account,
        "capabilities": ["mail_read"],
        "missing_scopes": [SCOPE],
        "grant_url": f"https://front-end.example/connect/google?account_id={account}&capabilities=mail_read",
    }
    assert own.account(account).capabilities == [Capability.CALENDAR_READ]
    assert own.account(account).health is Health.OK


def test_that_a_grant_lasts_an_hour_longer_is_not_written_each_hour(own: Person) -> None:
    account = own.connect(OwnProvider(EXPIRED)).account_id
    before = own.account(account).grant_ends_at
    own.token(account)
    assert own.kept(account).lapses_at != before
    assert own.account(account).grant_ends_at == before
