"""A person's profile, preferences and sessions."""

from typing import Any

import functions_framework

from lib.core import entity_tags
from lib.core.http import Answer, Service
from lib.core.identity import Identity
from lib.core.store import UserId
from lib.usage.rate import requests_per_minute
from lib.users import changing, profile
from lib.users.changing import PreferencesChange
from lib.users.clerk.settings import SECRET, ClerkApiSettings
from lib.users.models import Profile
from lib.users.preferences import Preferences
from lib.users.sessions import ending, listing
from lib.users.sessions.models import EndedSessions, SessionPath, Sessions

service = Service("Users", limit=requests_per_minute, requires=(ClerkApiSettings,), secrets=(SECRET,))


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


@functions_framework.http
def users(request: Any) -> Any:
    """Serve a request."""
    return service(request)
