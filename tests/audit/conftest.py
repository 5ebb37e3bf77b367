"""People whose audit log is written, sealed, and looked at from within."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lib.audit import models, recording, store
from lib.audit.models import Action, PersonHash
from lib.core.store import UserId
from scripts.local.project import ATTESTATION_KEY
from tests.briefly import Briefly, Client, eventually


@dataclass(frozen=True)
class Somebody:
    """Somebody who is known to Briefly, and what the audit log calls them."""

    client: Client

    @property
    def user(self) -> UserId:
        return UserId(self.client.user)

    @property
    def hashed(self) -> PersonHash:
        return models.of(self.user)

    def write(self, count: int = 1, **given: Any) -> None:
        """Have entries written down."""
        for number in range(count):
            entry = {"action": Action.HAND_OUT, "caller": "mail@test", "purpose": "list mail"} | given
            recording.record(self.user, outcome=f"outcome {number}", account_id="acc_1", **entry)

    def seal(self) -> None:
        """Have the running sealer seal and prove everything."""
        self.client.briefly.run_schedule("seal-audit")
        eventually(lambda: not store.waiting(self.hashed) and not self.unproved())

    def unproved(self) -> list[str]:
        return [link.seal["hash"] for link in store.links(self.hashed, 0) if link.proof is None]

    def verification(self) -> dict[str, Any]:
        """What Briefly says of the log."""
        report: dict[str, Any] = self.client.get("/users/me/audit/verification")
        return report

    def places(self) -> set[str]:
        """Where Briefly finds something wrong."""
        return {finding["place"] for finding in self.verification()["findings"]}


@pytest.fixture(scope="session")
def signing() -> Iterator[None]:
    """The key that signs, for modules of `lib` that a test calls directly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTESTATION_KEY", ATTESTATION_KEY)
        yield


@pytest.fixture(scope="session")
def newcomer(briefly: Briefly, signing: None) -> Callable[[], Somebody]:
    """Makes somebody new."""
    return lambda: Somebody(briefly.sign_up(f"user_{secrets.token_hex(13)}"))


@pytest.fixture
def somebody(newcomer: Callable[[], Somebody]) -> Somebody:
    """Somebody new."""
    return newcomer()
