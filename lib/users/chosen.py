"""What of the preferences a person has chosen, as it is kept: the defaults are not, so that they may become better."""

from typing import Any

from pydantic import ValidationError

from lib.users.preferences import Preferences

SCHEMA_VERSION = 2
"""Of a person's document. In version 1 the preferences were all four of the time, chosen or not."""

Chosen = dict[str, Any]


def stored(document: dict[str, Any]) -> Chosen:
    """What a person's document says was chosen, of whatever version it is."""
    chosen: Chosen = dict(document.get("preferences", {}))
    if document.get("schema_version", 1) < SCHEMA_VERSION:
        model = chosen.pop("chat_model", None)
        if model is not None:
            chosen["chat"] = {"model": model}
    return chosen


def allowed(chosen: Chosen) -> Chosen:
    """What was chosen, but for what is not allowed any more, as a zone that is gone."""
    while True:
        try:
            Preferences.model_validate(chosen)
        except ValidationError as error:
            left = chosen
            for entry in error.errors(include_url=False, include_context=False, include_input=False):
                left = _without(left, entry["loc"])
            chosen = left if left != chosen else {}
        else:
            return chosen


def preferences(chosen: Chosen) -> Preferences:
    """All preferences: what was chosen and is allowed, and the defaults for the rest."""
    try:
        return Preferences.model_validate(chosen)
    except ValidationError:
        return Preferences.model_validate(allowed(chosen))


def _without(chosen: Chosen, path: tuple[int | str, ...]) -> Chosen:
    """What was chosen, but for the member that the path leads to, or what is nearest to it on the way."""
    name, *rest = path or ("",)
    below = chosen.get(str(name))
    if rest and isinstance(below, dict) and str(rest[0]) in below:
        return chosen | {str(name): _without(below, tuple(rest))}
    return {key: value for key, value in chosen.items() if key != name}
