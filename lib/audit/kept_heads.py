"""Heads in the bucket that nobody can replace or delete anything of: each with the seals that it is of."""

import json
from collections.abc import Sequence
from typing import Any

from lib.audit.models import Pointer
from lib.core import storage
from lib.core.errors import InternalError, NotFound
from lib.core.object_names import ObjectName, shared
from lib.core.storage import ChangedMeanwhile, Retained

BUCKET = "audit"


def keep(head: dict[str, Any], seals: Sequence[Pointer]) -> None:
    """Keep a head for good; nothing happens if it is kept already.

    Raises `InternalError` if another head has this number there, which nobody but a forger can bring about, and
    `Unavailable`.
    """
    leaves = [{"person": each.person, "seal": each.id, "hash": each.hash} for each in seals]
    content = json.dumps({"head": head, "seals": leaves}, sort_keys=True).encode()
    try:
        storage.create(BUCKET, _name(head["number"]), content, "application/json")
    except (ChangedMeanwhile, Retained):
        if _content(head["number"]) != content:
            raise InternalError(f"Another head is kept as head {head['number']}") from None


def kept(number: int) -> dict[str, Any] | None:
    """The head with this number as it is kept; None if there is none. Raises `Unavailable`."""
    try:
        found: dict[str, Any] = json.loads(_content(number))
    except NotFound:
        return None
    return dict(found["head"])


def _content(number: int) -> bytes:
    return b"".join(storage.read(BUCKET, storage.describe(BUCKET, _name(number))))


def _name(number: int) -> ObjectName:
    return shared("heads", f"{number:010d}")
