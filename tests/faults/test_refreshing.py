"""What is promised when whoever refreshes is killed after the provider has acted, and no more than that."""

from lib.accounts.vault import store
from lib.core.store import UserId
from tests.briefly import Briefly

SEED = 19_001
LONGER_THAN_THE_LEASE = 21


def test_a_refresher_killed_after_the_provider_acted_costs_one_lease_and_one_refresh_more(briefly: Briefly) -> None:
    person, email = briefly.sign_up(), briefly.unseen_mailbox(SEED)
    account = person.connect_google(email)

    def refreshes() -> int:
        return int(briefly.control("google", "GET", "refreshes")["refreshes"].get(email, 0))

    def leases() -> int:
        found = store.read(UserId(person.user), account)
        assert found
        return found[0].generation

    never_said = {"kind": "timeout_after_commit", "match": {"path_prefix": "/token", "user": email}, "delay": 5}
    dies_meanwhile = {"kind": "kill", "function": "tokens", "person": person.user, "seconds": 0.3}
    briefly.control("google", "POST", "expire", {"what": "access_tokens", "user": email})
    briefly.control("google", "POST", "faults", never_said)
    briefly.control("runner", "POST", "mishaps", dies_meanwhile)
    person.call("GET", "/mail/labels")
    assert (refreshes(), leases()) == (1, 1)
    briefly.move_clock(LONGER_THAN_THE_LEASE)
    assert person.get("/mail/labels")["labels"]
    assert (refreshes(), leases()) == (2, 2)
    assert person.get(f"/accounts/{account}")["health"] == "ok"
