"""A Flask function that tells what reached it."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import flask

from lib.core import clock
from lib.core.secrets import mounted_file


def echo(request: flask.Request) -> flask.Response:
    if request.path == "/slow":
        time.sleep(float(request.args["seconds"]))
    if request.path == "/log":
        _log({"severity": "INFO", "message": "GET 200", "event": "api_call", **request.args})
    secrets = Path(os.environ.get("SECRETS_DIR", "/nowhere"))
    told: dict[str, Any] = {
        "pid": os.getppid(),
        "method": request.method,
        "path": request.full_path if request.query_string else request.path,
        "headers": dict(request.headers),
        "length": len(request.get_data()),
        "body": request.get_data().decode("utf-8", "replace")[:200],
        "now": clock.timestamp(),
        "environment": dict(os.environ),
        "secrets": _mounted(secrets) if secrets.is_dir() else {},
    }
    response = flask.Response(json.dumps(told), int(request.args.get("status", 200)), content_type="application/json")
    response.headers.add("Set-Cookie", "a=1")
    response.headers.add("Set-Cookie", "b=2")
    return response


def _log(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _mounted(folder: Path) -> dict[str, str]:
    return {secret.name: mounted_file(folder, secret.name).read_text() for secret in folder.iterdir()}
