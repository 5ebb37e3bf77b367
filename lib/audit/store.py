"""The audit log, in a database of its own, whose writers may create and do no more.

users/{uid}/audit_entries/{id}     an `AuditEntry`
"""

from lib.audit.models import AuditEntry
from lib.core import ids
from lib.core.store import Database, UserId, person

SCHEMA_VERSION = 1


def create(user: UserId, entry: AuditEntry) -> None:
    """Keep an entry; nobody may change it later."""
    document = entry.model_dump() | {"schema_version": SCHEMA_VERSION}
    person(user, Database.AUDIT).collection("audit_entries").document(ids.new("aud")).create(document)
