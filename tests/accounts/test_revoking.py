"""A disconnected account's grant ends at the provider, however long that takes, and never at the cost of a new one."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import timedelta
from threading import Event

import pytest
import requests

from lib.accounts.errors import CodeRefused, ProviderBusy
from lib.accounts.models import Provider, RevocationTried
from lib.accounts.vault import keysets, revoking, shredding, store
from lib.core import clock
from lib.core.store import Database, UserId
from lib.core.store import person as documents_of
from lib.users.models import ErasureRequest
from tests.accounts.conftest import Person, audit_entries
from tests.accounts.provider import OwnProvider
from tests.briefly import PATIENCE_SECONDS, READING_MAIL, Briefly, eventually
from tests.kept import everything

AT_ONCE = 0.3


@pytest.fixture
def left_over(own: Person) -> str:
    """An account that was disconnected while its provider was down."""
    account = own.connect().account_id
    assert own.disconnect(account, OwnProvider(failure=ProviderBusy())).finishes_later
    return account


def change_pending(own: Person, account: str, **changes: object) -> None:
    found = store.pending(own.user, account)
    assert found
    assert store.change(found[1], **changes)


def in_the_vault(own: Person) -> list[str]:
    return [path for path in everything(own.user) if "/accounts/" not in path]


def make_due(own: Person, account: str) -> None:
    change_pending(own, account, due_at=clock.now())


def test_what_google_does_not_answer_now_is_revoked_later_and_the_account_is_gone_at_once(briefly: Briefly) -> None:
    person, email = briefly.sign_up(), briefly.unseen_mailbox(24_001)
    account = person.connect_google(email)
    wish = {"account_id": account, "purpose": "read mail", "scopes": [READING_MAIL["google"]]}
    token = briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish).json()["token"]
    down = {"kind": "error", "status": 503, "match": {"path_prefix": "/revoke"}}
    briefly.control("google", "POST", "faults", down)
    answer = person.call("DELETE", f"/accounts/{account}", sensitive=True)
    assert answer.json() == {"revoked_at_provider": False, "finishes_later": True}
    assert person.get("/accounts/")["accounts"] == []
    assert briefly.as_function("mail", "tokens", "/access-tokens", person.user, wish).status_code == 404
    assert lives(briefly, token)
    briefly.move_clock(revoking.FIRST_PAUSE.total_seconds() + 1)
    briefly.run_schedule("revoke-grants")
    eventually(lambda: not lives(briefly, token))
    eventually(lambda: store.pending(UserId(person.user), account) is None)
    ending = [entry for entry in audit_entries(person.user) if entry["purpose"] == "disconnect"]
    assert [(entry["action"], entry["outcome"]) for entry in ending] == [
        ("shred", "begun"),
        ("shred", "forgotten"),
        ("revoke", "revoked"),
    ]


def lives(briefly: Briefly, token: str) -> bool:
    url = f"{briefly.state.endpoints.google}/oauth2/v3/tokeninfo"
    return requests.get(url, params={"access_token": token}, timeout=10).status_code == 200


def test_the_provider_is_asked_more_and_more_rarely_and_given_up_after_days(
    briefly: Briefly, own: Person, left_over: str
) -> None:
    down, pauses = OwnProvider(failure=ProviderBusy()), []
    for attempt in range(1, 5):
        make_due(own, left_over)
        assert own.revoke(left_over, down) == own.revoke(left_over, down) == RevocationTried(finished=False)
        assert len(down.asked) == attempt
        found = store.pending(own.user, left_over)
        assert found
        pauses.append(round((found[0].due_at - clock.now()) / revoking.FIRST_PAUSE))
    assert pauses == [2, 4, 8, 16]
    change_pending(own, left_over, gives_up_at=clock.now())
    make_due(own, left_over)
    assert own.revoke(left_over, down).finished
    assert store.pending(own.user, left_over) is None
    assert own.record()[-1] == ("revoke", "given up")


def test_what_is_told_twice_or_of_nothing_asks_nobody(own: Person, left_over: str) -> None:
    provider = OwnProvider()
    assert not own.revoke(left_over, provider).finished
    make_due(own, left_over)
    assert own.revoke(left_over, provider) == RevocationTried(finished=True, revoked=True)
    assert own.revoke(left_over, provider).finished
    assert provider.asked == ["revoke"]


def test_who_dies_while_asking_is_followed_by_another(own: Person, left_over: str) -> None:
    make_due(own, left_over)

    class Died(BaseException):
        """What ends an instance in the middle of its work."""

    def die() -> None:
        raise Died

    with pytest.raises(Died):
        own.revoke(left_over, OwnProvider(meanwhile=die))
    provider = OwnProvider()
    assert not own.revoke(left_over, provider).finished
    change_pending(own, left_over, claimed_until=clock.now() - timedelta(seconds=1), due_at=clock.now())
    assert own.revoke(left_over, provider).revoked


def test_once_the_account_is_connected_again_nothing_is_revoked(own: Person, left_over: str) -> None:
    again = OwnProvider()
    assert own.connect(again).account_id == left_over
    assert ("revoke", "not revoked, connected again") in own.record()
    assert own.revoke(left_over, again).finished
    assert again.asked == ["exchange"]
    assert own.token(left_over).startswith(f"access-{id(again)}-")


def test_a_revocation_that_was_left_beside_a_new_grant_is_called_off_by_whoever_finds_it(own: Person) -> None:
    again = OwnProvider()
    account = own.connect(again).account_id
    left = revoking.pending(own.user, account, Provider.GOOGLE, "an old token", "a test")
    documents_of(own.user, Database.VAULT).collection("pending_revocations").document(account).create(left.model_dump())
    assert own.revoke(account, again).finished
    assert "revoke" not in again.asked


def test_connecting_waits_for_a_revocation_under_way_which_would_end_the_new_grant(own: Person) -> None:
    account, again = own.connect().account_id, OwnProvider()
    asked, answered = Event(), Event()

    def answer_late() -> None:
        asked.set()
        assert answered.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as pool:
        try:
            disconnecting = pool.submit(own.disconnect, account, OwnProvider(meanwhile=answer_late))
            assert asked.wait(PATIENCE_SECONDS)
            connecting = pool.submit(own.connect, again)
            with pytest.raises(StillWaiting):
                connecting.result(AT_ONCE)
            assert again.asked == []
        finally:
            answered.set()
        assert disconnecting.result().revoked_at_provider
        assert connecting.result().account_id == account
    assert own.token(account).startswith(f"access-{id(again)}-")


def test_while_a_code_is_exchanged_nothing_of_that_provider_is_revoked(own: Person, left_over: str) -> None:
    make_due(own, left_over)
    sweeping = OwnProvider()
    failing = OwnProvider(meanwhile=lambda: own.revoke(left_over, sweeping), failure=CodeRefused())
    with pytest.raises(CodeRefused):
        own.connect(failing)
    assert sweeping.asked == []
    change_pending(own, left_over, held_until=clock.now())
    assert own.revoke(left_over, sweeping).revoked


def test_what_is_kept_for_a_revocation_is_sealed_for_its_place_and_hands_out_nothing(own: Person) -> None:
    provider = OwnProvider()
    account = own.connect(provider).account_id
    secret = f"refresh-{id(provider)}-1".encode()
    own.disconnect(account, OwnProvider(failure=ProviderBusy()))
    found = store.pending(own.user, account)
    assert found
    assert secret not in found[0].sealed
    assert revoking.opened(own.user, account, found[0]).encode() == secret
    moved = "acc_" + "0" * 24
    documents_of(own.user, Database.VAULT).collection("pending_revocations").document(moved).create(
        found[0].model_copy(update={"due_at": clock.now(), "claimed_until": None}).model_dump()
    )
    asked = OwnProvider()
    assert own.revoke(moved, asked) == RevocationTried(finished=True)
    assert asked.asked == []
    assert own.record()[-1] == ("revoke", "not revoked, unreadable")


def test_what_nobody_can_read_any_more_is_forgotten_with_a_word(own: Person, left_over: str) -> None:
    documents_of(own.user, Database.VAULT).collection("keysets").document("current").delete()
    keysets.forget(own.user)
    make_due(own, left_over)
    assert own.revoke(left_over, OwnProvider()) == RevocationTried(finished=True)
    assert own.record()[-1] == ("revoke", "not revoked, unreadable")


def test_deleting_a_person_asks_once_more_and_keeps_nothing_for_later(own: Person, left_over: str) -> None:
    other = own.connect(OwnProvider(subject="another")).account_id
    assert other != left_over
    provider = OwnProvider()
    erased = shredding.erase(own.identity, ErasureRequest(purpose="a test"), provider.all())
    assert (erased.accounts, erased.revoked_at_provider) == (1, 1)
    assert len(provider.revoked) == 2
    assert in_the_vault(own) == []
    assert own.record()[-1] == ("erase", "erased 1, of which 1 revoked; 1 of earlier ones")


def test_deleting_a_person_does_not_wait_for_a_provider_that_is_down(own: Person, left_over: str) -> None:
    own.connect(OwnProvider(subject="another"))
    shredding.erase(own.identity, ErasureRequest(purpose="a test"), OwnProvider(failure=ProviderBusy()).all())
    assert in_the_vault(own) == []
    assert own.record()[-1] == ("erase", "erased 1, of which 0 revoked; 0 of earlier ones")
