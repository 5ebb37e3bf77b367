"""Typed settings from the environment, checked when a function starts."""

import os
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, cast, get_origin

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json

_S = TypeVar("_S", bound="Settings")

WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
"""Where something is reached over HTTP."""


class Settings(BaseModel):
    """A group of settings; the field `gateway_keys` is read from the variable `GATEWAY_KEYS`.

    Lists, dictionaries and models are written as JSON, durations as ISO 8601 or seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


_loaded: dict[type[Settings], Settings] = {}


class InvalidSettings(Exception):
    """The function cannot start: its environment lacks settings or holds wrong ones. The message names each."""


def load(settings: type[_S]) -> _S:
    """The group's values. Raises `InvalidSettings`, which names every variable that is missing or wrong."""
    loaded = _loaded.get(settings)
    if loaded is None:
        try:
            loaded = _loaded[settings] = settings.model_validate(_from_environment(settings))
        except ValidationError as error:
            raise InvalidSettings("; ".join(_complaints(error))) from None
    return cast(_S, loaded)


def require(*groups: type[Settings], further: Iterable[str] = ()) -> None:
    """Check several groups at once. Raises one `InvalidSettings` for all of them, and for further complaints."""
    complaints: list[str] = []
    for group in dict.fromkeys(groups):
        try:
            load(group)
        except InvalidSettings as error:
            complaints.append(str(error))
    complaints.extend(further)
    if complaints:
        raise InvalidSettings(f"{os.environ.get('K_SERVICE', 'function')} cannot start: {'; '.join(complaints)}")


def forget() -> None:
    """Read the environment anew at the next `load`, because it was changed."""
    _loaded.clear()


def _from_environment(settings: type[Settings]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        text = os.environ.get(name.upper())
        if text is not None:
            values[name] = _decoded(text, field)
    return values


def _decoded(text: str, field: FieldInfo) -> Any:
    annotation: Any = field.annotation
    structured = get_origin(annotation) in (list, tuple, dict, frozenset, set) or (
        isinstance(annotation, type) and issubclass(annotation, BaseModel)
    )
    if not structured:
        return text
    try:
        return from_json(text)
    except ValueError:
        return text


def _complaints(error: ValidationError) -> list[str]:
    complaints = []
    for entry in error.errors(include_input=False, include_url=False):
        variable = str(entry["loc"][0]).upper()
        complaints.append(
            f"{variable} is not set" if entry["type"] == "missing" else f"{variable} is wrong: {entry['msg']}"
        )
    return complaints
