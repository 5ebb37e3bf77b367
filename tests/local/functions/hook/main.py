"""A function that takes Pub/Sub pushes, tells of each, and refuses those that ask for it."""

import base64
import json
import sys
from typing import Any

import flask


def hook(request: flask.Request) -> tuple[str, int]:
    push = request.get_json()
    text = base64.b64decode(push["message"].get("data", "")).decode()
    _log({"message": "push", "text": text, "attempt": push["deliveryAttempt"]})
    failures = int(push["message"].get("attributes", {}).get("failures", 0))
    return ("", 204) if push["deliveryAttempt"] > failures else ("not now", 500)


def _log(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
