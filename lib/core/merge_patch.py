"""JSON Merge Patch (RFC 7396): what a partial change makes of a document."""

from typing import Any


def applied(target: Any, patch: Any) -> Any:
    """The target with the patch's members in place of its own, at any depth; null removes one (section 2).

    Neither is changed.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = applied(merged.get(name), value)
    return merged
