"""Changing what a person prefers, a part at a time and not over the changes of others."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lib.audit import recording
from lib.audit.models import Action
from lib.core import entity_tags, merge_patch, problems
from lib.core.errors import Conflict, NotFound
from lib.core.http_models import Strict
from lib.core.identity import Identity
from lib.core.partial_models import partial
from lib.core.store import Snapshot
from lib.users import chosen, privacy, signatures, store
from lib.users.preferences import Preferences
from lib.users.profile import UNKNOWN

if TYPE_CHECKING:

    class PreferencesChange(Strict):
        """What of the preferences is to change: null brings a default back, what is absent stays."""

else:
    PreferencesChange = partial(Preferences)

ATTEMPTS = 5


def change_preferences(identity: Identity, change: PreferencesChange, if_match: str | None = None) -> Preferences:
    """Merge the change into the preferences (RFC 7396), so that changes of different fields never undo each other.

    `if_match` is the request's header of that name. What may be done with the person's data is changed on record.
    Raises `NotFound`, `PreconditionFailed`, `InvalidRequest` with the path of each value that is not allowed together
    with what is there, and `Conflict` if others kept writing in between.
    """
    patch = _patch(change)
    for _ in range(ATTEMPTS):
        snapshot = store.read(identity.person)
        if snapshot is None:
            raise NotFound(UNKNOWN)
        before = chosen.allowed(store.chosen_preferences(snapshot))
        present = chosen.preferences(before)
        entity_tags.require_match(present, if_match)
        after = merge_patch.applied(before, patch)
        changed = _allowed(after)
        if _write(identity, snapshot, after, present, changed):
            return changed
    raise Conflict("The preferences are being changed by others; try again")


def _patch(change: PreferencesChange) -> dict[str, Any]:
    patch = change.model_dump(mode="json", exclude_unset=True)
    if patch.get("signatures"):
        patch["signatures"] = {
            account: signatures.sanitised(html) if html is not None else None
            for account, html in patch["signatures"].items()
        }
    return patch


def _allowed(after: dict[str, Any]) -> Preferences:
    """What was chosen as preferences. Raises `InvalidRequest`."""
    try:
        return Preferences.model_validate(after)
    except ValidationError as error:
        raise problems.invalid(error) from None


def _write(
    identity: Identity, snapshot: Snapshot, after: dict[str, Any], before: Preferences, changed: Preferences
) -> bool:
    """Replace the preferences, on record where privacy changes; False if somebody else wrote since they were read."""
    switched = privacy.differences(before.privacy, changed.privacy)
    if not switched:
        return store.change_preferences(snapshot, after, changed)

    def record(outcome: str) -> None:
        recording.record(identity.person, Action.PRIVACY, identity.caller, ", ".join(switched), outcome)

    record("; ".join(f"{name}: {change}" for name, change in switched.items()))
    return _on_record(lambda: store.change_preferences(snapshot, after, changed), record)


def _on_record(write: Callable[[], bool], record: Callable[[str], None]) -> bool:
    try:
        written = write()
    except Exception as error:
        record(f"failed: {type(error).__name__}")
        raise
    if not written:
        record("failed: changed by others meanwhile")
    return written
