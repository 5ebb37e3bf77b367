"""Clerk's webhooks, verified and handed on."""

import binascii
from json import JSONDecodeError

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from lib.core import secrets
from lib.core.errors import InvalidSignature, MalformedWebhook
from lib.core.events import publish
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
