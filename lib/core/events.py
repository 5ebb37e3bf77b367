"""Events between capabilities: published to a topic, received by push. Delivered at least once, in any order."""

import base64
from dataclasses import dataclass
from functools import cache
from typing import Annotated, TypeVar

from google.api_core.exceptions import GoogleAPIError
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage
from pydantic import BaseModel, Field, ValidationError

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


class _Message(BaseModel):
    """What Pub/Sub says of a message; without data it has attributes, and the other way round."""

    message_id: Annotated[str, Field(alias="messageId", min_length=1)]
    data: str = ""
    attributes: dict[str, str] | None = None


class _Push(BaseModel):
    """What a push subscription posts; the attempt is there if the subscription has a dead-letter topic."""

    message: _Message
    delivery_attempt: Annotated[int | None, Field(alias="deliveryAttempt", ge=1)] = None


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
        push = _Push.model_validate_json(body)
        data = base64.b64decode(push.message.data, validate=True)
    except ValueError:
        raise MalformedWebhook("The body is not a Pub/Sub push") from None
    return Delivery(push.message.message_id, data, push.message.attributes or {}, push.delivery_attempt or 1)


@cache
def _publisher() -> PublisherClient:
    return PublisherClient(transport=transport(PublisherGrpcTransport, load(EventSettings).pubsub_endpoint))
