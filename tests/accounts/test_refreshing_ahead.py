"""Tokens are refreshed before anybody has to wait for it: those in use, and all others before their grants lapse."""

from datetime import timedelta

import pytest

from lib.accounts.errors import ProviderBusy
from lib.accounts.vault import refreshing, store
from lib.core import breaker, clock, ids
from lib.core.store import UserId
from lib.lifecycle import store as lifecycle
from tests.accounts.conftest import Person, somebody
from tests.accounts.provider import HOUR, OwnProvider
from tests.briefly import READING_MAIL, Briefly, Client, eventually

BEFORE_THE_END = timedelta(minutes=14)
"""By now a token in use is due, and not yet so near its end that whoever asks has it refreshed."""


@pytest.fixture(params=["google", "microsoft"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refreshes(briefly: Briefly, provider: str, email: str) -> int:
    return int(briefly.control(provider, "GET", "refreshes")["refreshes"].get(email, 0))


def handed_out(briefly: Briefly, person: Client, provider: str, account: str) -> str:
    wish = {"account_id": account, "purpose": "read mail", "scopes": [READING_MAIL[provider]]}
    answer = briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def test_an_account_in_use_has_a_fresh_token_before_anybody_asks(briefly: Briefly, provider: str) -> None:
    person, email = briefly.sign_up(), briefly.unseen_mailbox(23_001, provider)
    account = person.connect(provider, email)
    first = handed_out(briefly, person, provider, account)
    found = store.read(UserId(person.user), account)
    assert found
    briefly.move_clock((found[0].expires_at - BEFORE_THE_END - clock.now()).total_seconds())
    briefly.run_schedule("refresh-tokens")
    eventually(lambda: refreshes(briefly, provider, email) == 1)
    second = eventually(lambda: next((t for t in [handed_out(briefly, person, provider, account)] if t != first), None))
    assert second
    briefly.run_schedule("refresh-tokens")
    assert handed_out(briefly, person, provider, account) == second
    assert refreshes(briefly, provider, email) == 1


def test_an_account_that_nobody_uses_is_left_alone_until_a_third_of_its_grants_time_has_passed(
    briefly: Briefly, own: Person
) -> None:
    provider = OwnProvider(lifetime=timedelta(minutes=1), lasts_unused=timedelta(minutes=30))
    account = own.connect(provider).account_id
    briefly.move_clock(120)
    assert not own.refresh_ahead(account, provider)
    briefly.move_clock(8 * 60)
    assert own.refresh_ahead(account, provider)
    assert provider.asked == ["exchange", "refresh"]
    assert not own.refresh_ahead(account, provider)


def test_use_is_noted_once_an_hour_and_forgotten_after_a_day(briefly: Briefly, own: Person) -> None:
    provider = OwnProvider(lifetime=timedelta(days=3))
    account = own.connect(provider).account_id
    own.token(account)
    noted = own.kept(account).last_handed_out_at
    assert noted
    own.token(account)
    assert own.kept(account).last_handed_out_at == noted
    briefly.move_clock(HOUR.total_seconds())
    own.token(account)
    later = own.kept(account)
    assert later.last_handed_out_at
    assert later.last_handed_out_at > noted
    forgotten = later.model_copy(update={"last_handed_out_at": clock.now() - timedelta(days=1)})
    assert refreshing.next_due(later) < later.expires_at
    assert refreshing.next_due(forgotten) > later.expires_at


def test_use_is_not_noted_over_the_lease_of_whoever_refreshes(own: Person) -> None:
    account = own.connect(lifetime=timedelta(minutes=30)).account_id
    own.set_kept(account, lease_until=clock.now() + timedelta(hours=1))
    own.token(account)
    assert own.kept(account).last_handed_out_at is None


@pytest.mark.parametrize(
    "change", [{"due_at": None}, {"ended_because": "revoked"}], ids=lambda change: next(iter(change))
)
def test_what_is_not_due_or_has_ended_is_not_refreshed(own: Person, change: dict[str, object]) -> None:
    provider = OwnProvider(lifetime=timedelta(0))
    account = own.connect(provider).account_id
    own.set_kept(account, **({"due_at": clock.now()} | change))
    assert not own.refresh_ahead(account, provider)
    assert provider.asked == ["exchange"]


def test_what_nobody_can_open_is_not_tried_again_and_again(own: Person) -> None:
    provider = OwnProvider(lifetime=timedelta(0))
    account = own.connect(provider).account_id
    own.set_kept(account, sealed=own.kept(account).sealed[:-1], due_at=clock.now())
    assert not own.refresh_ahead(account, provider)
    assert (own.kept(account).due_at, own.kept(account).lease_until) == (None, None)
    assert provider.asked == ["exchange"]


def test_for_a_deleted_person_nothing_is_refreshed(own: Person) -> None:
    provider = OwnProvider(lifetime=timedelta(0))
    account = own.connect(provider).account_id
    own.set_kept(account, due_at=clock.now())
    lifecycle.mark_deleted(own.user, ids.new("era"), clock.now())
    assert not own.refresh_ahead(account, provider)
    assert provider.asked == ["exchange"]


def test_a_provider_that_is_down_is_asked_more_and_more_rarely(briefly: Briefly, own: Person) -> None:
    down = OwnProvider(failure=ProviderBusy())
    account = own.connect(lifetime=timedelta(0)).account_id
    own.set_kept(account, due_at=clock.now())
    pauses = []
    for attempt in range(1, 7):
        assert not own.refresh_ahead(account, down)
        assert not own.refresh_ahead(account, down)
        assert len(down.asked) == attempt
        kept = own.kept(account)
        assert kept.paused_until
        assert kept.due_at == kept.paused_until
        pauses.append(kept.paused_until - clock.now())
        briefly.move_clock(pauses[-1].total_seconds() + 0.1)
    assert all(later > earlier for earlier, later in zip(pauses, pauses[2:], strict=False))
    assert own.record().count(("refresh", "failed: ProviderBusy")) == 1


def test_a_provider_that_fails_for_many_accounts_is_left_alone_for_all(briefly: Briefly, own: Person) -> None:
    down = OwnProvider(failure=ProviderBusy())
    people = [own, *(somebody() for _ in range(2 * breaker.FEWEST_FAILURES))]
    accounts = [person.connect(lifetime=timedelta(0)).account_id for person in people]
    for person, account in zip(people, accounts, strict=True):
        with pytest.raises(ProviderBusy):
            person.token(account, down)
    assert breaker.FEWEST_FAILURES <= len(down.asked) < len(people)
    briefly.move_clock(breaker.STAYS_OPEN.total_seconds() + 1)
    briefly.move_clock(refreshing.LONGEST_PAUSE.total_seconds())
    assert all(person.token(account) for person, account in zip(people, accounts, strict=True))


def test_a_sweep_names_each_account_once_the_longest_due_first_and_goes_on_where_it_ended(own: Person) -> None:
    now = clock.now()
    accounts = [own.connect(OwnProvider(subject=str(number))).account_id for number in range(3)]
    for place, account in enumerate(accounts):
        own.set_kept(account, due_at=now - timedelta(minutes=place))

    def due(after: timedelta) -> list[str]:
        found = store.due(now, now - after, 10_000)
        return [account for user, account, _ in found if user == own.user]

    assert due(timedelta(days=1)) == accounts[::-1]
    assert due(timedelta(minutes=1)) == accounts[:1]
