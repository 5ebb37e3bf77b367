"""A provider of one's own, for what happens between two steps of the vault."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from lib.accounts.models import Provider
from lib.accounts.ports import Grant, GrantEnded, Owner
from lib.accounts.vault.adapters import Providers

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
HOUR = timedelta(hours=1)


def _nothing() -> None:
    return


@dataclass
class OwnProvider:
    """Grants tokens of a chosen lifetime. `meanwhile` happens when it is asked, `failure` is what it then raises.

    `scopes` is what it grants; `lasts_unused` and `lasts` are as `Grant` has them.
    """

    lifetime: timedelta = HOUR
    scopes: frozenset[str] = frozenset({SCOPE})
    lasts_unused: timedelta = timedelta(days=180)
    lasts: timedelta | None = None
    subject: str = "subject"
    meanwhile: Callable[[], object] = _nothing
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Tokens are told apart by the provider's id, which Python gives to another one when this one is gone.
        _kept.append(self)

    def exchange(self, code: str, code_verifier: str, redirect_url: str, asked: frozenset[str]) -> tuple[Grant, Owner]:
        self._be_asked("exchange")
        return self._grant(), Owner("https://provider.example", self.subject, "somebody@provider.example")

    def refresh(self, refresh_token: str, scopes: frozenset[str]) -> Grant:
        self._be_asked("refresh")
        return self._grant()

    def revoke(self, refresh_token: str) -> bool:
        self._be_asked("revoke")
        self.revoked.append(refresh_token)
        return True

    def all(self) -> Providers:
        """As the vault takes providers."""
        return {Provider.GOOGLE: self}

    def _be_asked(self, what: str) -> None:
        self.asked.append(what)
        self.meanwhile()
        if self.failure is not None:
            raise self.failure

    def _grant(self) -> Grant:
        number = len(self.asked)
        return Grant(
            access_token=f"access-{id(self)}-{number}",
            refresh_token=f"refresh-{id(self)}-{number}",
            lifetime=self.lifetime,
            scopes=self.scopes,
            lasts_unused=self.lasts_unused,
            lasts=self.lasts,
        )


_kept: list[OwnProvider] = []

ENDED = GrantEnded("Token has been expired or revoked.")
