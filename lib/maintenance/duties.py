"""The duties that schedules tell of. Each may be told of twice, or late: it does what is due then, and no more."""

from collections.abc import Callable, Mapping

from lib.accounts import key_duties
from lib.core.errors import MalformedWebhook
from lib.core.events import Delivery
from lib.maintenance import deletion_steps, export_steps, retention
from lib.usage import spend

DUTIES: Mapping[str, Callable[[], None]] = {
    "release-reservations": spend.release_expired,
    "begin-deletions": deletion_steps.begin_due,
    "continue-deletions": deletion_steps.go_on,
    "continue-exports": export_steps.go_on,
    "retain": retention.begin,
    "rotate-keysets": key_duties.rotate_keysets,
    "advance-epoch": key_duties.advance_epoch,
}
"""By the names that the catalogue's schedules have."""

ATTRIBUTE = "duty"


def perform(delivery: Delivery) -> None:
    """Do what the message tells of. Raises `MalformedWebhook` for a duty that nobody has, and what the duty raises."""
    duty = DUTIES.get(delivery.attributes.get(ATTRIBUTE, ""))
    if duty is None:
        raise MalformedWebhook("Not a duty of anybody")
    duty()
