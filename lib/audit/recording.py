"""Writing down what is done, by whoever does it."""

from lib.audit import models, store
from lib.audit.models import Action, AuditEntry
from lib.core import clock, ids
from lib.core.store import UserId


def record(user: UserId, action: Action, caller: str, purpose: str, outcome: str, *, account_id: str = "") -> None:
    """Write an entry down, independently of all others. Raises Google's API errors when that fails."""
    entry = AuditEntry(
        id=ids.new("aud"),
        at=clock.now(),
        action=action,
        caller=caller,
        purpose=purpose,
        account_id=account_id,
        outcome=outcome,
    )
    store.create(models.of(user), entry)
