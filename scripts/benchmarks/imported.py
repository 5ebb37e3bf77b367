"""Which modules a process has imported, from what `python -X importtime` writes.

https://docs.python.org/3/using/cmdline.html#cmdoption-X
"""

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec

GOOGLE = ("google", "googleapiclient", "google_auth_httplib2", "google_crc32c", "grpc", "proto")
"""Google's client libraries and what they are made of; Tink is none of them, but a library of cryptography."""

_LINE = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s*(\S+)")


def modules(log: str) -> list[str]:
    """The modules, in the order in which their imports ended."""
    return list(dict.fromkeys(match[1] for match in map(_LINE.match, log.splitlines()) if match))


def google_clients(imported: Iterable[str]) -> Sequence[str]:
    """Those of Google's client libraries that exist: an import is also written when it fails.

    Private modules come with the public ones.
    """
    google = [name for name in imported if name.split(".")[0] in GOOGLE and "._" not in name]
    return [name for name in google if find_spec(name) is not None]
