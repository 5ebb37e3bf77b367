"""List methods page by page, as https://google.aip.dev/158 has it."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from scripts.local.grpc_endpoint import refuse_argument

Item = TypeVar("Item")


def page(items: Sequence[Item], size: int, token: str, maximum: int) -> tuple[list[Item], str]:
    """The items of one page and the token of the next, empty at the end.

    A size of zero is the maximum and a greater one is cut to it. Refuses (INVALID_ARGUMENT) a negative size
    and a token that was not given out.
    """
    if size < 0:
        refuse_argument("page_size must not be negative.")
    start = _start(token)
    end = start + min(size or maximum, maximum)
    following = base64.urlsafe_b64encode(f"from {end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), following


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        word, number = base64.urlsafe_b64decode(token).decode().split(" ")
        start = int(number)
    except (ValueError, binascii.Error):
        word, start = "", -1
    if word != "from" or start < 0:
        refuse_argument("page_token is not valid.")
    return start
