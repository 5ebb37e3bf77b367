"""The sealer's work: to seal what waits, and to sign it; a part in each run, until nothing is left."""

from datetime import timedelta

from pydantic import BaseModel

from lib.audit import heads, seals
from lib.core import deadline, events
from lib.core.events import Delivery

TOPIC = "audit-seals"
RESERVE = timedelta(seconds=10)
"""What a run keeps of its time to end what it has begun."""


class MoreToSeal(BaseModel):
    """Tells the sealer to go on."""


def run(_: Delivery) -> None:
    """Seal what waits, sign it, and have the rest done by another run; whatever the message says.

    Raises Google's API errors, `Unavailable`, `Conflict` and `InternalError`.
    """
    if not (seals.seal_waiting(_has_time) and heads.attest_waiting(_has_time)):
        events.publish(TOPIC, MoreToSeal())


def _has_time() -> bool:
    return deadline.current().remaining() > RESERVE
