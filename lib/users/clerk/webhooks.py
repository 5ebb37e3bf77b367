"""Clerk's webhooks, verified and handed on."""

import re
from datetime import UTC, datetime
from hmac import compare_digest

from pydantic import ValidationError
from standardwebhooks import Webhook

from lib.core import clock, secrets
from lib.core.errors import InvalidSignature, MalformedWebhook
from lib.core.events import publish
from lib.users.announcements import Announcement

TOPIC = "clerk-events"
SECRET = "clerk-webhook-secret"
# https://docs.svix.com/receiving/verifying-payloads/how-manual#verify-timestamp
TOLERANCE_SECONDS = 300
UNKNOWN_KIND = ("union_tag_invalid", "union_tag_not_found")
# The signature covers the number, not how it is written.
_SECONDS = re.compile(r"[1-9][0-9]{0,15}")


def hand_on(body: bytes, headers: dict[str, str]) -> bool:
    """Verify a webhook and publish it; False if it is of a kind that Briefly does not need.

    Raises `InvalidSignature` and `MalformedWebhook`. A replay is published again: applying it changes nothing.
    """
    _verify(body, headers)
    try:
        announcement = Announcement.model_validate_json(body)
    except ValidationError as error:
        if any(entry["type"] in UNKNOWN_KIND for entry in error.errors()):
            return False
        raise MalformedWebhook(f"Not an event about a user or a session: {error.error_count()} errors") from None
    publish(TOPIC, announcement)
    return True


def _verify(body: bytes, headers: dict[str, str]) -> None:
    """Raises `InvalidSignature`.

    Clerk sends the headers under Svix's names (https://docs.svix.com/receiving/verifying-payloads/how-manual). The
    library signs what we received; its own `verify` would hold the time against the system's clock.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    name, stamp, signatures = (lower.get(f"svix-{part}", "") for part in ("id", "timestamp", "signature"))
    try:
        expected = Webhook(secrets.read(SECRET).reveal()).sign(name, _in_time(stamp), body.decode())
    except UnicodeDecodeError:
        raise InvalidSignature("The webhook is not text") from None
    given = [signature.encode() for signature in signatures.split(" ")]
    if not name or not any(compare_digest(signature, expected.encode()) for signature in given):
        raise InvalidSignature("The webhook's signature is not right")


def _in_time(stamp: str) -> datetime:
    """When the webhook was sent, in whole seconds. Raises `InvalidSignature` if that is not about now."""
    if not _SECONDS.fullmatch(stamp):
        raise InvalidSignature("The webhook's time is not a number")
    seconds = int(stamp)
    if abs(seconds - int(clock.timestamp())) > TOLERANCE_SECONDS:
        raise InvalidSignature("The webhook is too old, or not of our time")
    return datetime.fromtimestamp(seconds, UTC)
