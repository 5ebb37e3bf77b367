"""Clerk's webhooks: verified and handed on, then applied; delivered at least once and in any order."""

import binascii
from json import JSONDecodeError

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from lib.core import clock, secrets, telemetry
from lib.core.errors import InvalidSignature, MalformedWebhook
from lib.core.events import publish
from lib.core.store import AlreadyExists, UserId
from lib.users import store
from lib.users.models import ClerkEvent

TOPIC = "clerk-events"
SECRET = "clerk-webhook-secret"
_SIGNED_HEADERS = ("id", "timestamp", "signature")


def hand_on(body: bytes, headers: dict[str, str]) -> bool:
    """Verify a webhook and publish it; False if it is of a kind that Briefly does not need.

    Raises `InvalidSignature` and `MalformedWebhook`. A replay is published again: applying it changes nothing.
    """
    _verify(body, headers)
    try:
        event = ClerkEvent.model_validate_json(body)
    except ValidationError as error:
        if any(entry["loc"] == ("type",) for entry in error.errors()):
            return False
        raise MalformedWebhook(f"Not an event about a user: {error.error_count()} errors") from None
    publish(TOPIC, event)
    return True


def apply(event: ClerkEvent) -> None:
    """Bring the person to what the event says, unless something newer is known. Any repetition changes nothing."""
    user = UserId(event.data.id)
    if event.type == "user.deleted":
        store.mark_deleted(user, clock.now())
        store.erase(user)
    elif not store.is_deleted(user):
        _upsert(user, event)
        # A deletion that came in between left its mark before it erased, so that one of the two sees the other.
        if store.is_deleted(user):
            store.erase(user)


def _upsert(user: UserId, event: ClerkEvent) -> None:
    profile = {
        "email": event.data.primary_email,
        "given_name": event.data.first_name,
        "family_name": event.data.last_name,
    }
    while True:
        snapshot = store.read(user)
        if snapshot is None:
            try:
                store.create(user, profile, event.data.updated_at)
            except AlreadyExists:
                continue
            return
        if store.clerk_updated_at(snapshot) >= event.data.updated_at:
            telemetry.info("older event about a user ignored")
            return
        if store.update_profile(snapshot, profile, event.data.updated_at):
            return


def _verify(body: bytes, headers: dict[str, str]) -> None:
    """Raises `InvalidSignature`, `MalformedWebhook`.

    Clerk sends the headers under Svix's names (https://docs.svix.com/receiving/verifying-payloads/how-manual).
    """
    lower = {name.lower(): value for name, value in headers.items()}
    signed = {f"webhook-{name}": lower.get(f"svix-{name}", "") for name in _SIGNED_HEADERS}
    try:
        Webhook(secrets.read(SECRET).reveal()).verify(body, signed)
    except JSONDecodeError:
        # The library reads the body once the signature is right.
        raise MalformedWebhook() from None
    except (WebhookVerificationError, ValueError, UnicodeDecodeError, binascii.Error):
        raise InvalidSignature("The webhook's signature is not right") from None
