"""Secrets for a process of the tests, mounted as Cloud Run does."""

from pathlib import Path

from lib.core.secrets import mounted_file


def mount(folder: Path, name: str, value: str) -> None:
    """Mount a secret in the folder of all, or replace it."""
    file = mounted_file(folder, name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(value, encoding="utf-8")
