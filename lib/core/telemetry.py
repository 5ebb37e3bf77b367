"""Structured log lines; the one that ends a request is also the record of an API call."""

import hashlib
import json
import sys
import traceback
from contextvars import ContextVar
from typing import Any

from lib.core import clock

_context: ContextVar[dict[str, Any] | None] = ContextVar("telemetry", default=None)


def person_hash(person: str) -> str:
    """What stands for a person in logs. Clerk's ids are random, so that the hash cannot be guessed back."""
    return hashlib.sha256(f"briefly:{person}".encode()).hexdigest()[:24]


def begin(trace: str | None, request_id: str) -> None:
    """Start the fields that every line of this request carries."""
    _context.set({"logging.googleapis.com/trace": trace, "request_id": request_id})


def add(**fields: Any) -> None:
    """Add fields to every further line of this request."""
    _context.set((_context.get() or {}) | fields)


def field(name: str) -> Any:
    """A field of this request's lines, or None."""
    return (_context.get() or {}).get(name)


def info(message: str, **fields: Any) -> None:
    """Write a line of severity INFO (Cloud Logging's structured format)."""
    _write("INFO", message, fields)


def warning(message: str, **fields: Any) -> None:
    """Write a line of severity WARNING."""
    _write("WARNING", message, fields)


def error(message: str, exception: BaseException | None = None, **fields: Any) -> None:
    """Write a line of severity ERROR, with where the exception came from but not its message, which may be private."""
    if exception is not None:
        frames = traceback.extract_tb(exception.__traceback__)
        fields["exception"] = type(exception).__name__
        fields["stack"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    _write("ERROR", message, fields)


def _write(severity: str, message: str, fields: dict[str, Any]) -> None:
    line = {"severity": severity, "message": message, "time": clock.now().isoformat()}
    line |= {key: value for key, value in ((_context.get() or {}) | fields).items() if value is not None}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
