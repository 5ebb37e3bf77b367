"""Stands for `webhooks`: verifies what Clerk sends, and refuses the first delivery about somebody named Late."""

import json
import os
import sys
from pathlib import Path

import flask
from standardwebhooks import Webhook

from lib.core.secrets import mounted_file

seen: set[str] = set()


def webhooks(request: flask.Request) -> tuple[str, int]:
    secret = mounted_file(Path(os.environ["SECRETS_DIR"]), "clerk-webhook-secret").read_text()
    headers = {f"webhook-{name}": request.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    event = Webhook(secret).verify(request.get_data(), headers)
    sys.stdout.write(json.dumps({"message": "webhook", "type": event["type"], "id": headers["webhook-id"]}) + "\n")
    sys.stdout.flush()
    first = headers["webhook-id"] not in seen
    seen.add(headers["webhook-id"])
    return ("", 500) if first and event["data"].get("first_name") == "Late" else ("", 204)
