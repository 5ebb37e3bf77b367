"""Secrets, as Cloud Run mounts them: a folder with one file each, of which every reading yields the newest version.

No two secrets can be mounted at one path, so that each has a folder of its own:
https://cloud.google.com/run/docs/configuring/services/secrets#disallowed_paths_and_limitations
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from lib.core import clock
from lib.core.settings import InvalidSettings, Settings, load

KEPT = timedelta(minutes=5)
FILE = "value"

_lock = Lock()
_cache: dict[str, tuple[datetime, "Secret"]] = {}


class SecretSettings(Settings):
    """The folder under which the secrets are mounted."""

    secrets_dir: str = "/secrets"


class Secret:
    """A value that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str):
        self._value = value

    def reveal(self) -> str:
        """The secret's text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


def mounted_file(folder: Path, name: str) -> Path:
    """The file of a secret in the folder of all secrets."""
    return folder / name / FILE


def read(name: str) -> Secret:
    """The newest version of a secret, kept for five minutes, so that a rotation needs no new deployment.

    Raises `InvalidSettings` when it is not mounted, or empty.
    """
    with _lock:
        kept = _cache.get(name)
        if kept and clock.now() - kept[0] < KEPT:
            return kept[1]
        secret = _mounted(name)
        _cache[name] = (clock.now(), secret)
        return secret


def missing(names: Iterable[str]) -> Iterator[str]:
    """A complaint for each of these secrets that is not mounted, or empty."""
    for name in names:
        try:
            _mounted(name)
        except InvalidSettings as error:
            yield str(error)


def _mounted(name: str) -> Secret:
    try:
        text = mounted_file(Path(load(SecretSettings).secrets_dir), name).read_text(encoding="utf-8").strip()
    except OSError:
        raise InvalidSettings(f"the secret {name} is not mounted") from None
    except UnicodeDecodeError:
        raise InvalidSettings(f"the secret {name} is not text") from None
    if not text:
        raise InvalidSettings(f"the secret {name} is empty")
    return Secret(text)
