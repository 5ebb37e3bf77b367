"""What a run says while it goes on."""

import sys
import time

_BEGAN = time.monotonic()


def say(what: str) -> None:
    """One line on standard error, with the time since the beginning."""
    seconds = int(time.monotonic() - _BEGAN)
    print(f"[{seconds // 60:2d}:{seconds % 60:02d}] {what}", file=sys.stderr, flush=True)
