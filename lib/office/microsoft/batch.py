"""Many calls in one request: a JSON document of requests, whose parts succeed and fail each by itself.

https://learn.microsoft.com/graph/json-batching
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lib.core.errors import ProviderFailed
from lib.core.transport import Reply

MOST_PARTS = 20


def pack(targets: Sequence[str], headers: Mapping[str, str]) -> bytes:
    """A GET of each target, a path with its query; headers are those of every part, which inherits none."""
    requests = [
        {"id": str(place), "method": "GET", "url": target, "headers": dict(headers)}
        for place, target in enumerate(targets)
    ]
    return json.dumps({"requests": requests}).encode()


def unpack(answer: Mapping[str, Any], count: int) -> list[Reply]:
    """The answers in the order of the questions. Raises `ProviderFailed` if one is missing or cannot be read."""
    try:
        answers = {int(part["id"]): _reply(part) for part in answer["responses"]}
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ProviderFailed("Microsoft's batch cannot be read") from None
    if sorted(answers) != list(range(count)):
        raise ProviderFailed("Microsoft's batch lacks answers")
    return [answers[place] for place in range(count)]


def _reply(part: Mapping[str, Any]) -> Reply:
    headers = {str(name).lower(): str(value) for name, value in (part.get("headers") or {}).items()}
    return Reply(int(part["status"]), headers, json.dumps(part.get("body")).encode())
