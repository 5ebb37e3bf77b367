"""Events between capabilities: published to a topic, received by push. Delivered at least once, in any order."""

import base64
import json
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from google.api_core.exceptions import GoogleAPIError
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage
from pydantic import BaseModel, ValidationError

from lib.core.environment import project
from lib.core.errors import MalformedWebhook
from lib.core.grpc_endpoint import transport
from lib.core.settings import Settings, load

__all__ = ["Delivery", "EventSettings", "GoogleAPIError", "publish", "received"]

PUBLISH_TIMEOUT_SECONDS = 4.0
"""Less than what an instance has to end."""

_E = TypeVar("_E", bound=BaseModel)


class EventSettings(Settings):
    """`pubsub_endpoint` is where Pub/Sub is reached if not at its usual place."""

    pubsub_endpoint: str | None = None


@dataclass(frozen=True)
class Delivery:
    """A message as a push subscription delivers it; the attempt counts from 1."""

    message_id: str
    data: bytes
    attributes: dict[str, str]
    attempt: int

    def event(self, model: type[_E]) -> _E:
        """The event in the message. Raises `MalformedWebhook` when it is of another shape."""
        try:
            return model.model_validate_json(self.data)
        except ValidationError as error:
            raise MalformedWebhook(f"Not a {model.__name__}: {error.error_count()} errors") from None


def publish(topic: str, event: BaseModel, **attributes: str) -> None:
    """Publish at once; returns when Pub/Sub has the message. Raises Google's API errors."""
    _publisher().publish(
        topic=f"projects/{project()}/topics/{topic}",
        messages=[PubsubMessage(data=event.model_dump_json().encode(), attributes=attributes)],
        timeout=PUBLISH_TIMEOUT_SECONDS,
    )


def received(body: bytes) -> Delivery:
    """The message in the body of a push (https://cloud.google.com/pubsub/docs/push#receive_push).

    Raises `MalformedWebhook`.
    """
    try:
        envelope: dict[str, Any] = json.loads(body)
        message = envelope["message"]
        return Delivery(
            message_id=str(message.get("messageId") or message["message_id"]),
            data=base64.b64decode(message.get("data", ""), validate=True),
            attributes=dict(message.get("attributes") or {}),
            attempt=int(envelope.get("deliveryAttempt") or 1),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MalformedWebhook("The body is not a Pub/Sub push") from None


@cache
def _publisher() -> PublisherClient:
    return PublisherClient(transport=transport(PublisherGrpcTransport, load(EventSettings).pubsub_endpoint))
