"""Writing down what is done, by whoever does it."""

from lib.audit import store
from lib.audit.models import AuditEntry
from lib.core import clock
from lib.core.store import UserId


def record(user: UserId, action: str, caller: str, purpose: str, outcome: str, *, account_id: str = "") -> None:
    """Write an entry down, independently of all others. Raises Google's API errors when that fails."""
    entry = AuditEntry(
        at=clock.now(), action=action, caller=caller, purpose=purpose, account_id=account_id, outcome=outcome
    )
    store.create(user, entry)
