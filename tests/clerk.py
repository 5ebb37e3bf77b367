"""Webhooks as Clerk signs them, with a body and a time of one's own."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import requests
from standardwebhooks import Webhook

from lib.core import clock
from lib.core.secrets import mounted_file
from tests.briefly import Briefly


def secret(briefly: Briefly) -> str:
    """What Clerk and Briefly share."""
    return mounted_file(briefly.state.folder / "secrets" / "webhooks", "clerk-webhook-secret").read_text().strip()


def signed(briefly: Briefly, body: str, *, age: float = 0, key: str | None = None) -> dict[str, str]:
    """The headers with which Clerk sends a body; of some age, or signed with another key."""
    name, stamp = f"msg_{secrets.token_hex(12)}", int(clock.timestamp() - age)
    signature = Webhook(key or secret(briefly)).sign(name, datetime.fromtimestamp(stamp, UTC), body)
    return {"svix-id": name, "svix-timestamp": str(stamp), "svix-signature": signature}


def deliver(briefly: Briefly, body: str, headers: dict[str, str]) -> requests.Response:
    """Post a webhook."""
    typed = {"Content-Type": "application/json"} | headers
    return requests.post(f"{briefly.state.origin}/webhooks/clerk", data=body.encode(), headers=typed, timeout=30)


def user_event(kind: str, user: str, updated_at: int, **changes: Any) -> str:
    """An event about a user."""
    data: dict[str, Any] = {"id": user, "object": "user", "updated_at": updated_at}
    data |= {"deleted": True} if kind == "user.deleted" else {"first_name": "Late", "last_name": "Comer"}
    event = {"type": kind, "object": "event", "timestamp": updated_at, "data": data | changes}
    return json.dumps(event)
