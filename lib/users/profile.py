"""Reading what a person is and prefers."""

from lib.core.errors import NotFound
from lib.core.store import UserId
from lib.users import store
from lib.users.models import Profile
from lib.users.preferences import Preferences

UNKNOWN = "This person is not known here"


def read(person: UserId) -> Profile:
    """The person's profile. Raises `NotFound` until Clerk has announced the person, and after the deletion."""
    profile = store.profile(person)
    if profile is None:
        raise NotFound(UNKNOWN)
    return profile


def read_preferences(person: UserId) -> Preferences:
    """The person's preferences. Raises `NotFound`."""
    preferences = store.preferences(person)
    if preferences is None:
        raise NotFound(UNKNOWN)
    return preferences
