"""Reading and changing what a person is and prefers."""

from lib.core.errors import Conflict, NotFound
from lib.core.store import UserId
from lib.users import store
from lib.users.models import Preferences, PreferencesChange, Profile

ATTEMPTS = 5


def read(person: UserId) -> Profile:
    """The person's profile. Raises `NotFound` until Clerk has announced the person, and after the deletion."""
    profile = store.profile(person)
    if profile is None:
        raise NotFound("This person is not known here")
    return profile


def read_preferences(person: UserId) -> Preferences:
    """The person's preferences. Raises `NotFound`."""
    preferences = store.preferences(person)
    if preferences is None:
        raise NotFound("This person is not known here")
    return preferences


def change_preferences(person: UserId, change: PreferencesChange) -> Preferences:
    """Merge the change into the preferences, so that changes of different fields never undo each other.

    Raises `NotFound`, and `Conflict` if others kept writing in between.
    """
    changed = change.model_dump(exclude_unset=True)
    for _ in range(ATTEMPTS):
        snapshot = store.read(person)
        if snapshot is None:
            raise NotFound("This person is not known here")
        merged = Preferences.model_validate(_merged(store.stored_preferences(snapshot), changed))
        if store.change_preferences(snapshot, merged):
            return merged
    raise Conflict("The preferences are being changed by others; try again")


def _merged(preferences: Preferences, changed: dict[str, object]) -> dict[str, object]:
    """An explicit null means the default."""
    defaults = Preferences().model_dump()
    return preferences.model_dump() | {
        name: defaults[name] if value is None else value for name, value in changed.items()
    }
