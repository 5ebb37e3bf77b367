"""OAuth access tokens of service accounts: opaque to whoever carries them, known to the services that must admit them.

https://cloud.google.com/docs/authentication/token-types#access
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scripts.local import clock

LIFETIME = timedelta(hours=1)


@dataclass
class AccessTokens:
    """Which token was issued to whom, and until when it holds by the clock."""

    _issued: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def issue(self, account: str) -> str:
        """A fresh token of a service account."""
        token = f"ya29.c.{secrets.token_urlsafe(48)}"
        self._issued[token] = (account, clock.now() + LIFETIME)
        return token

    def account_of(self, authorization: str | None) -> str | None:
        """Whose token an `Authorization` header carries; None if it is not one of ours, or over."""
        scheme, _, token = (authorization or "").partition(" ")
        account, until = self._issued.get(token.strip(), ("", clock.now()))
        return account if scheme.lower() == "bearer" and account and clock.now() < until else None
