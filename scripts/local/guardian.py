"""Ends every process group of the local cloud when the runner is gone, however it went.

A process of its own, without imports beyond the standard library. It reads lines from a pipe whose other end only the
runner holds: `+ID` and `-ID` add and remove a process group. The end of the pipe is the end of the runner, even of one
that was killed without a chance to clean up; then the groups that are left are killed. Signals of the terminal do not
reach it.
"""

import os
import signal
import sys


def main() -> None:
    """Read until the pipe ends, then kill what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


if __name__ == "__main__":
    main()
