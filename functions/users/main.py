"""A person's profile, preferences and audit log."""

from typing import Any

import functions_framework
from pydantic import Field

from lib.audit import history, verification
from lib.audit.models import AuditPage, AuditVerification
from lib.core.cursor import SECRET as CURSOR_KEY
from lib.core.http import Service, Strict
from lib.core.signature_settings import SignatureSettings
from lib.core.store import UserId
from lib.usage.rate import requests_per_minute
from lib.users import profile
from lib.users.models import Preferences, PreferencesChange, Profile

service = Service("Users", limit=requests_per_minute, requires=(SignatureSettings,), secrets=(CURSOR_KEY,))


class Page(Strict):
    """A page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


@service.get("/me")
def read_me(person: UserId) -> Profile:
    """Who the person is"""
    return profile.read(person)


@service.get("/me/preferences")
def read_preferences(person: UserId) -> Preferences:
    """What the person prefers"""
    return profile.read_preferences(person)


@service.patch("/me/preferences")
def change_preferences(person: UserId, body: PreferencesChange) -> Preferences:
    """Change some preferences; null sets one back to its default"""
    return profile.change_preferences(person, body)


@service.get("/me/audit")
def list_audit_entries(person: UserId, query: Page) -> AuditPage:
    """What was done with the person's keys, tokens and data, newest first"""
    return history.page(person, query.limit, query.cursor)


@service.get("/me/audit/verification")
def verify_audit(person: UserId) -> AuditVerification:
    """Check the person's audit log, from the first entry to the last signature"""
    return verification.verify(person)


@functions_framework.http
def users(request: Any) -> Any:
    """Serve a request."""
    return service(request)
