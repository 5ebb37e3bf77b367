"""What each HTTP function is asked first: the least that a person, a sibling or Clerk would ask it.

Each answer takes at least one read from Firestore, but for that of `webhooks`, which publishes instead.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from lib.core.secrets import mounted_file
from lib.users.clerk.webhooks import SECRET
from scripts.benchmarks.surroundings import Ask, Person, Surroundings
from scripts.local import clock
from scripts.local.people.cast import known_cast

SCOPE, MICROSOFT_SCOPE = "https://www.googleapis.com/auth/gmail.readonly", "Mail.Read"
QUESTION = "What does my day look like, and who is waiting for an answer from me?"

_TARGETS = {
    "users": "/me",
    "accounts": "/",
    "mail": "/",
    "events": "/",
    "chat": "/conversations",
    "usage": "/",
}


@dataclass(frozen=True)
class Cast:
    """One without connected accounts whose question was answered; one with a Google, one with a Microsoft account."""

    plain: Person
    connected: Person
    account_id: str
    run_id: str
    microsoft: Person
    microsoft_account_id: str


async def cast(around: Surroundings) -> Cast:
    """Sign the people up, connect the account, and have the question answered."""
    await around.control("models", "settings", {"tokens_per_second": 0})
    plain, connected = await around.sign_up(), await around.sign_up("demo")
    account_id = await around.connect(connected, "google", known_cast("demo").email)
    microsoft = await around.sign_up()
    microsoft_account_id = await around.connect(microsoft, "microsoft", known_cast("demo", "microsoft").email)
    run_id = await around.ask(plain, QUESTION)
    await around.read(plain, f"/stream/runs/{run_id}")
    return Cast(plain, connected, account_id, run_id, microsoft, microsoft_account_id)


async def first_request(around: Surroundings, cast: Cast, function: str) -> Ask:
    """The request, signed just now."""
    if function == "webhooks":
        return _webhook(around, cast.plain)
    if function == "tokens":
        wish = {"account_id": cast.account_id, "purpose": "measure", "scopes": [SCOPE]}
        return around.asked_by_sibling(cast.connected, "mail", "tokens", "/access-tokens", wish)
    target = f"/runs/{cast.run_id}" if function == "stream" else _TARGETS[function]
    return await around.asked_by(cast.plain, function, target)


def _webhook(around: Surroundings, person: Person) -> Ask:
    """An event of Clerk's about the person, signed as Svix does."""
    now = int(clock.timestamp())
    data = {"id": person.user, "object": "user", "updated_at": 1, "first_name": "Some", "last_name": "Body"}
    body = json.dumps({"type": "user.updated", "object": "event", "timestamp": now, "data": data})
    folder = around.cloud.state.folder / "secrets" / "webhooks"
    name, key = f"msg_{secrets.token_hex(12)}", mounted_file(folder, SECRET).read_text().strip()
    signature = Webhook(key).sign(name, datetime.fromtimestamp(now, UTC), body)
    signed = {"svix-id": name, "svix-timestamp": str(now), "svix-signature": signature}
    return Ask("POST", "/clerk", {"Content-Type": "application/json", **signed}, body.encode())
