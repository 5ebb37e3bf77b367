"""An entry of a person's audit log."""

from datetime import datetime

from pydantic import BaseModel


class AuditEntry(BaseModel):
    """A sensitive operation: what was done or tried, by which service account, what for, and what came of it.

    It holds no personal data. The account is "" where it is not known, or all are meant.
    """

    at: datetime
    action: str
    caller: str
    purpose: str
    account_id: str
    outcome: str
