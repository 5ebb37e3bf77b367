"""A person's profile, preferences, sessions and audit log, a copy of everything that is theirs, and its end."""

from typing import Any

import functions_framework
from pydantic import BaseModel, Field

from lib.accounts import certificates
from lib.accounts.certificates import Certificate
from lib.audit import history, verification
from lib.audit.models import AuditPage, AuditVerification
from lib.core import entity_tags
from lib.core.cursor import SECRET as CURSOR_KEY
from lib.core.events import EventSettings
from lib.core.http import Admits, Answer, Service, Strict
from lib.core.identity import Identity
from lib.core.signature_settings import SignatureSettings
from lib.core.storage_settings import StorageSettings
from lib.core.store import UserId
from lib.lifecycle import deletion, exports
from lib.lifecycle.models import (
    Deletion,
    DeletionRequest,
    Erasure,
    Export,
    ExportId,
    ExportLink,
    ExportList,
    Receipt,
)
from lib.lifecycle.settings import LifecycleSettings
from lib.usage.rate import requests_per_minute
from lib.users import changing, profile
from lib.users.changing import PreferencesChange
from lib.users.clerk.settings import SECRET as CLERK_KEY
from lib.users.clerk.settings import ClerkApiSettings
from lib.users.models import Profile
from lib.users.notices import listing as notices
from lib.users.notices.models import NoticePage, NoticePath
from lib.users.preferences import Preferences
from lib.users.sessions import ending, listing
from lib.users.sessions.models import EndedSessions, SessionPath, Sessions

service = Service(
    "Users",
    limit=requests_per_minute,
    requires=(LifecycleSettings, StorageSettings, EventSettings, SignatureSettings, ClerkApiSettings),
    secrets=(CURSOR_KEY, CLERK_KEY),
)


class Page(Strict):
    """A page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class ExportPath(BaseModel):
    """Names an export."""

    export_id: ExportId


class ErasurePath(BaseModel):
    """Names a deletion by its receipt."""

    receipt: Receipt


@service.get("/me")
def read_me(person: UserId) -> Profile:
    """Who the person is"""
    return profile.read(person)


@service.get("/me/preferences")
def read_preferences(person: UserId, headers: dict[str, str]) -> Answer[Preferences]:
    """What the person prefers, with its ETag"""
    return entity_tags.unless_known(profile.read_preferences(person), headers)


@service.patch("/me/preferences")
def change_preferences(identity: Identity, body: PreferencesChange, headers: dict[str, str]) -> Answer[Preferences]:
    """Change some preferences; null sets one back to its default, If-Match guards against lost updates"""
    return entity_tags.tagged(changing.change_preferences(identity, body, headers.get("If-Match")))


@service.get("/me/sessions")
def list_sessions(identity: Identity) -> Sessions:
    """Where the person is signed in"""
    return listing.listed(identity)


@service.delete("/me/sessions", sensitive=True)
def end_other_sessions(identity: Identity) -> EndedSessions:
    """Sign the person out everywhere else"""
    return ending.end_others(identity)


@service.delete("/me/sessions/<session_id>", status=204, sensitive=True)
def end_session(identity: Identity, path: SessionPath) -> None:
    """Sign the person out of one session"""
    ending.end(identity, path.session_id)


@service.get("/me/notices")
def list_notices(person: UserId, query: Page) -> NoticePage:
    """What the person is told of, newest first"""
    return notices.page(person, query.limit, query.cursor)


@service.post("/me/notices/<notice_id>/read", status=204)
def read_notice(person: UserId, path: NoticePath) -> None:
    """Note that the person has seen it"""
    notices.mark_read(person, path.notice_id)


@service.get("/me/audit")
def list_audit_entries(person: UserId, query: Page) -> AuditPage:
    """What was done with the person's keys, tokens and data, newest first"""
    return history.page(person, query.limit, query.cursor)


@service.get("/me/audit/verification")
def verify_audit(person: UserId) -> AuditVerification:
    """Check the person's audit log, from the first entry to the last signature"""
    return verification.verify(person)


@service.post("/me/exports", status=202, sensitive=True)
def ask_for_export(identity: Identity) -> Export:
    """Ask for a copy of everything that is the person's"""
    return exports.ask(identity)


@service.get("/me/exports")
def list_exports(person: UserId) -> ExportList:
    """The exports that can be fetched, or are being made"""
    return exports.list_all(person)


@service.get("/me/exports/<export_id>")
def read_export(person: UserId, path: ExportPath) -> Export:
    """How far an export is"""
    return exports.read(person, path.export_id)


@service.post("/me/exports/<export_id>/links", status=201, sensitive=True)
def link_export(identity: Identity, path: ExportPath) -> ExportLink:
    """A link to an export, which expires"""
    return exports.link(identity, path.export_id)


@service.post("/me/deletion", status=202, sensitive=True)
def ask_for_deletion(identity: Identity, body: DeletionRequest) -> Deletion:
    """Have everything deleted, when the time to undo it is over"""
    return deletion.ask(identity)


@service.get("/me/deletion")
def read_deletion(person: UserId) -> Deletion:
    """The deletion that was asked for"""
    return deletion.read(person)


@service.delete("/me/deletion", sensitive=True, status=204)
def undo_deletion(identity: Identity) -> None:
    """Undo the deletion"""
    deletion.undo(identity)


@service.get("/erasures/<receipt>", admits=Admits.CALLERS)
def read_erasure(path: ErasurePath) -> Erasure:
    """What became of a deletion, for whoever has its receipt"""
    return deletion.progress(path.receipt)


@service.get("/erasures/<receipt>/certificate", admits=Admits.CALLERS)
def read_certificate(path: ErasurePath) -> Certificate:
    """The signed certificate that tokens can be opened from no backup any more, as soon as there is one"""
    return certificates.read(path.receipt)


@functions_framework.http
def users(request: Any) -> Any:
    """Serve a request."""
    return service(request)
