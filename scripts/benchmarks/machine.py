"""On what machine, and with what, a run was made."""

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "functions-framework",
    "flask-openapi3",
    "pydantic",
    "google-cloud-firestore",
    "google-cloud-pubsub",
    "google-cloud-kms",
    "grpcio",
    "gunicorn",
    "uvicorn",
    "aiohttp",
    "orjson",
    "openai",
    "anthropic",
)
ABSENT = ("uvloop", "httptools")
"""What uvicorn would use if it were there."""


def described() -> Iterator[tuple[str, str]]:
    """What a reader has to know to compare: a name and a value each."""
    yield "date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield "processor", f"{len(os.sched_getaffinity(0))} cores, {_model()}, {platform.machine()}"
    yield "memory", f"{_memory_bytes() / 2**30:.0f} GiB"
    yield "system", f"{platform.system()} {platform.release()}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "packages", ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    missing = [name for name in ABSENT if not _is_installed(name)]
    if missing:
        yield "not installed", ", ".join(missing)
    yield "load before the run", f"{os.getloadavg()[0]:.2f} over one minute"


def _model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown model")


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
