"""Partial answers: the `fields` parameter, such as `items(id,start/dateTime),nextPageToken`.

Source: https://developers.google.com/workspace/gmail/api/guides/performance#partial
"""

import re
from typing import Any

from scripts.local.google.errors import ApiError

Mask = dict[str, "Mask"]
_TOKEN = re.compile(r"[A-Za-z0-9_*-]+|[,/()]")


def parse(text: str) -> Mask:
    """The mask as a tree, an empty branch for a whole field; 400 if it cannot be read."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text.replace(" ", "") or not tokens:
        raise _invalid(text)
    try:
        mask = _selection(tokens)
    except IndexError:
        raise _invalid(text) from None
    if tokens:
        raise _invalid(text)
    return mask


def _invalid(text: str) -> ApiError:
    message = f"Invalid field selection {text}"
    return ApiError(400, "invalidParameter", message, location=("parameter", "fields"))


def _selection(tokens: list[str]) -> Mask:
    mask: Mask = {}
    while True:
        name = tokens.pop(0)
        if not re.fullmatch(r"[\w*-]+", name):
            raise IndexError(name)
        branch = mask.setdefault(name, {})
        while tokens and tokens[0] == "/":
            tokens.pop(0)
            branch = branch.setdefault(tokens.pop(0), {})
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            branch.update(_selection(tokens))
            if tokens.pop(0) != ")":
                raise IndexError(name)
        if not tokens or tokens[0] != ",":
            return mask
        tokens.pop(0)


def apply(mask: Mask, value: Any) -> Any:
    """What the mask leaves of a value."""
    if not mask or ("*" in mask and not mask["*"]):
        return value
    if isinstance(value, list):
        return [apply(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    chosen = {name: mask.get(name, mask.get("*")) for name in value}
    return {name: apply(branch, value[name]) for name, branch in chosen.items() if branch is not None}
