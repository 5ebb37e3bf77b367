"""What tests that hold for every provider of accounts have to know of each."""

from dataclasses import dataclass
from typing import Any

from tests.briefly import ADA, ADA_MICROSOFT, BRAM, BRAM_MICROSOFT, Briefly


@dataclass(frozen=True)
class AtProvider:
    """A provider: two people's addresses, scopes as they are kept, and where tokens come from.

    `revokes`: it ends a single grant. `ended`: what it says of one that has ended. `other_issuer` is none of its.
    """

    name: str
    email: str
    other_email: str
    mail_scope: str
    sign_in_scopes: frozenset[str]
    calendar_scope: str
    token_path: str
    revokes: bool
    ended: str
    other_issuer: str

    def __str__(self) -> str:
        return self.name

    def control(self, briefly: Briefly, method: str, path: str, body: Any = None) -> Any:
        """Ask its control API."""
        return briefly.control(self.name, method, path, body)

    def refreshes(self, briefly: Briefly, email: str) -> int:
        """How often tokens of an address were refreshed since this was forgotten."""
        return int(self.control(briefly, "GET", "refreshes")["refreshes"].get(email, 0))


GOOGLE = AtProvider(
    name="google",
    email=ADA,
    other_email=BRAM,
    mail_scope="https://www.googleapis.com/auth/gmail.readonly",
    sign_in_scopes=frozenset({"openid", "https://www.googleapis.com/auth/userinfo.email"}),
    calendar_scope="https://www.googleapis.com/auth/calendar.readonly",
    token_path="/token",
    revokes=True,
    ended="Token has been expired or revoked.",
    other_issuer="https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
)
MICROSOFT = AtProvider(
    name="microsoft",
    email=ADA_MICROSOFT,
    other_email=BRAM_MICROSOFT,
    mail_scope="Mail.Read",
    sign_in_scopes=frozenset({"openid", "profile", "email"}),
    calendar_scope="Calendars.Read",
    token_path="/common/oauth2/v2.0/token",
    revokes=False,
    ended="AADSTS50173: ",
    other_issuer="https://accounts.google.com",
)
PROVIDERS = (GOOGLE, MICROSOFT)
