"""Clerk's users and sessions, shaped as its Backend API and its webhooks have them.

https://clerk.com/docs/reference/backend-api/tag/Users and https://clerk.com/docs/reference/backend-api/tag/Sessions
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from scripts.local import clock

SESSION_LASTS = timedelta(days=7)
SESSION_IDLES = timedelta(days=30)


def milliseconds() -> int:
    """The present instant as Clerk writes instants."""
    return int(clock.timestamp() * 1000)


@dataclass
class User:
    """A person who signed up."""

    id: str
    first_name: str
    last_name: str
    email: str
    created_at: int = field(default_factory=milliseconds)
    updated_at: int = field(default_factory=milliseconds)
    last_sign_in_at: int | None = None
    email_id: str = field(default_factory=lambda: f"idn_{secrets.token_hex(14)[:27]}")

    def shown(self) -> dict[str, Any]:
        """The user object."""
        address = {
            "id": self.email_id,
            "object": "email_address",
            "email_address": self.email,
            "linked_to": [],
            "reserved": False,
            "verification": {"status": "verified", "strategy": "email_code", "attempts": 1, "expire_at": None},
        }
        return {
            "id": self.id,
            "object": "user",
            "first_name": self.first_name,
            "last_name": self.last_name,
            "username": None,
            "email_addresses": [address],
            "primary_email_address_id": self.email_id,
            "phone_numbers": [],
            "primary_phone_number_id": None,
            "web3_wallets": [],
            "primary_web3_wallet_id": None,
            "external_accounts": [],
            "external_id": None,
            "image_url": "",
            "has_image": False,
            "password_enabled": False,
            "two_factor_enabled": False,
            "banned": False,
            "locked": False,
            "public_metadata": {},
            "private_metadata": {},
            "unsafe_metadata": {},
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "last_sign_in_at": self.last_sign_in_at,
            "last_active_at": self.last_sign_in_at,
        }

    def change(self, *, first_name: str | None, last_name: str | None, email: str | None) -> None:
        """Replace what is given. The change is always later than the one before, as Clerk's are."""
        self.first_name = first_name or self.first_name
        self.last_name = last_name or self.last_name
        self.email = email or self.email
        self.updated_at = max(milliseconds(), self.updated_at + 1)


@dataclass
class Session:
    """A signed-in browser. `status` is active, ended, removed or revoked; `activity` says what it is and where."""

    user_id: str
    id: str = field(default_factory=lambda: f"sess_{secrets.token_hex(14)[:27]}")
    client_id: str = field(default_factory=lambda: f"client_{secrets.token_hex(14)[:27]}")
    activity: dict[str, Any] = field(default_factory=dict)
    activity_id: str = field(default_factory=lambda: f"sess_activity_{secrets.token_hex(14)[:27]}")
    status: str = "active"
    created_at: int = field(default_factory=milliseconds)
    updated_at: int = field(default_factory=milliseconds)

    @property
    def active(self) -> bool:
        return self.status == "active" and milliseconds() < self._expires_at

    @property
    def _expires_at(self) -> int:
        return self.created_at + int(SESSION_LASTS.total_seconds() * 1000)

    def end(self, status: str) -> None:
        """End it: the tokens that were made go on to be valid for the seconds that they have. What is over stays so."""
        if not self.active:
            return
        self.status = status
        self.updated_at = milliseconds()

    def shown(self) -> dict[str, Any]:
        """The session object."""
        return {
            "id": self.id,
            "object": "session",
            "client_id": self.client_id,
            "user_id": self.user_id,
            "status": self.status if self.active or self.status != "active" else "expired",
            "actor": None,
            "last_active_at": self.updated_at,
            "latest_activity": {
                "object": "session_activity",
                "id": self.activity_id,
                "device_type": "Macintosh",
                "is_mobile": False,
                "browser_name": "Chrome",
                "browser_version": "142.0.0.0",
                "ip_address": "127.0.0.1",
                "city": "Berlin",
                "country": "DE",
                **self.activity,
            },
            "expire_at": self._expires_at,
            "abandon_at": self.created_at + int(SESSION_IDLES.total_seconds() * 1000),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
