"""What the processes of an instance have used, as Linux tells it under /proc.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
"""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name, which may itself hold spaces and brackets.
_GROUP, _USER, _SYSTEM = 2, 11, 12


@dataclass(frozen=True)
class Used:
    """CPU time so far, and the sum of each process's greatest resident set, shared pages counted in each."""

    cpu_seconds: float
    peak_bytes: int


def used(group: int) -> Used:
    """What the running processes of a group have used."""
    cpu, peak = 0, 0
    for process, fields in _members(group):
        cpu += int(fields[_USER]) + int(fields[_SYSTEM])
        with suppress(OSError):
            peak += _peak_kilobytes(process)
    return Used(cpu / _TICKS, peak * 1024)


def pin(group: int, cores: Collection[int]) -> None:
    """Let every thread of a group, and what it starts from now on, run on these cores only."""
    for process, _ in _members(group):
        for thread in (process / "task").iterdir():
            with suppress(OSError):
                os.sched_setaffinity(int(thread.name), cores)


def _members(group: int) -> Iterator[tuple[Path, list[str]]]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[_GROUP]) == group:
                yield process, fields


def _peak_kilobytes(process: Path) -> int:
    for line in (process / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0
