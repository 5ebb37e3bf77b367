"""What is told of a person who leaves, or wants a copy: done for all rooms, a step per event."""

from collections.abc import Callable, Mapping

from lib.core.errors import MalformedWebhook
from lib.core.events import Delivery
from lib.lifecycle.models import UserEvent
from lib.maintenance import deletion_steps, export_steps, retention

_PERFORMED: Mapping[str, Callable[[UserEvent], None]] = {
    "user.deleting": deletion_steps.perform,
    "user.exporting": export_steps.perform,
    "user.retaining": retention.perform,
}
_WITHOUT_SUBJECT = ("user.retaining",)


def perform(delivery: Delivery) -> None:
    """Do what the event tells of. Raises `MalformedWebhook`, and what the step raises."""
    event = delivery.event(UserEvent)
    if bool(event.subject) == (event.type in _WITHOUT_SUBJECT):
        raise MalformedWebhook(f"Not a subject of {event.type}")
    _PERFORMED[event.type](event)
