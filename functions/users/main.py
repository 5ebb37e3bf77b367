"""A person's profile and preferences."""

from typing import Any

import functions_framework

from lib.core.http import Service
from lib.core.store import UserId
from lib.usage.rate import requests_per_minute
from lib.users import profile
from lib.users.models import Preferences, PreferencesChange, Profile

service = Service("Users", limit=requests_per_minute)


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


@functions_framework.http
def users(request: Any) -> Any:
    """Serve a request."""
    return service(request)
