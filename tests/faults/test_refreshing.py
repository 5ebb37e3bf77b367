"""What is promised when whoever refreshes is killed after the provider has acted, and no more than that."""

from concurrent.futures import ThreadPoolExecutor

from lib.accounts.vault import store
from lib.core.store import UserId
from tests.briefly import Briefly, eventually

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

    never_said = {"kind": "timeout_after_commit", "match": {"path_prefix": "/token", "user": email}, "delay": 8}
    briefly.control("google", "POST", "expire", {"what": "access_tokens", "user": email})
    briefly.control("google", "POST", "faults", never_said)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(person.call, "GET", "/mail/labels")
        eventually(lambda: refreshes() == 1)
        briefly.control("runner", "POST", "functions/tokens/kill", {})
    assert (refreshes(), leases()) == (1, 1)
    briefly.move_clock(LONGER_THAN_THE_LEASE)
    assert person.get("/mail/labels")["labels"]
    assert (refreshes(), leases()) == (2, 2)
    assert person.get(f"/accounts/{account}")["health"] == "ok"
